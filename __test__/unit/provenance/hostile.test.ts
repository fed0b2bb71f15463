// Files that mislead, and files that change meanwhile: a clear error with its exit code, and an unchanged file.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  linkSync,
  promises,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readStamp, stamp } from '../../../src/provenance/stamping';
import { run as cli } from '../cli/run';
import { callbacksOf, lieAboutLength, longHeader } from './hostile-files';
import { copyOf, FIXTURES, look, withFile } from './stamping-files';

/** Called before the core hashes a file. */
let mockBeforeHash: ((file: string) => Promise<void>) | undefined;

jest.mock('../../../native/index.js', () => {
  const addon = jest.requireActual('../../../native/index.js');
  return {
    ...addon,
    fileDigests: async (file: string, ...rest: unknown[]) => {
      await mockBeforeHash?.(file);
      return addon.fileDigests(file, ...rest);
    },
  };
});

const posix = process.platform !== 'win32';
const onPosix = posix ? test : test.skip;

afterEach(() => {
  mockBeforeHash = undefined;
  jest.restoreAllMocks();
});

const FORMATS = [
  'torch/state_dict.pt',
  'lightning/unstamped.ckpt',
  'safetensors/bf16.safetensors',
  'onnx/inline.onnx',
  'gguf/model.gguf',
];

/** Expects that a command ends with this code, says why, and leaves nothing but the file as it was. */
async function refuses(
  code: number,
  why: RegExp,
  [command, file, ...args]: [command: string, file: string, ...args: string[]],
): Promise<void> {
  const [old, names] = [look(file), readdirSync(dirname(file))];
  const { stderr, code: found } = await cli('provenance', command, file, ...args);
  expect({ command, code: found, stderr }).toEqual({
    command,
    code,
    stderr: expect.stringMatching(why),
  });
  expect(look(file)).toEqual(old);
  expect(readdirSync(dirname(file))).toEqual(names);
}

describe('a stamp that lies about the length of the file before it', () => {
  const lightning = (name: string) => name.startsWith('lightning');

  test('in a checkpoint of Lightning, whose pickle it replaced: nothing of it is believed', async () => {
    const fixture = FORMATS.find(lightning) as string;
    const { root, file } = withFile(fixture);
    await stamp(file, { dir: root });
    lieAboutLength(file, 1);
    const old = look(file);
    expect(await readStamp(file)).toMatchObject({ stamp: null, six: null });
    await refuses(3, /there is no stamp/, ['verify', file, '--dir', root]);
    await refuses(3, /there is no stamp/, ['unstamp', file, '--force']);
    // The archive is one that readers may take for two: the stamp goes beside it.
    expect(await stamp(file, { dir: root, force: true })).toMatchObject({ where: 'sidecar' });
    expect(look(file)).toEqual(old);
  });

  test.each(FORMATS.filter((name) => !lightning(name)))('%s', async (fixture) => {
    for (const by of [1, -1, -8]) {
      const { root, file } = withFile(fixture);
      await stamp(file, { dir: root });
      lieAboutLength(file, by);
      const dir = ['--dir', root];
      const why = /the stamp is not (what was appended|where it was written)/;
      await refuses(6, why, ['read', file]);
      await refuses(6, why, ['verify', file, ...dir]);
      await refuses(6, why, ['trace', file, ...dir]);
      await refuses(6, why, ['unstamp', file, '--force']);
      await refuses(6, why, ['stamp', file, '--force', ...dir]);
      if (posix) await refuses(6, why, ['stamp', file, '--in-place', ...dir]);
    }
  });
});

describe('a key `callbacks` that is there twice', () => {
  test('is refused: readers may take either', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    writeFileSync(file, callbacksOf('a'.repeat(40), 'b'.repeat(40)));
    const dir = ['--dir', root];
    const why = /the key "callbacks" is there twice/;
    await refuses(6, why, ['read', file]);
    await refuses(6, why, ['verify', file, ...dir]);
    await refuses(6, why, ['trace', file, ...dir]);
    await refuses(6, why, ['diff', file, file, ...dir]);
    await refuses(6, why, ['unstamp', file]);
    await refuses(6, why, ['stamp', file, '--lightning-callback', 'always', ...dir]);
    expect(await readStamp(file)).toMatchObject({ stamp: null, six: {} });
  });

  test('once is no problem, and nor is a stamp beside the file', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    writeFileSync(file, callbacksOf('a'.repeat(40)));
    expect((await cli('provenance', 'read', file)).code).toBe(0);
    writeFileSync(file, callbacksOf('a'.repeat(40), 'b'.repeat(40)));
    const old = look(file);
    const beside = await cli('provenance', 'stamp', file, '--sidecar', '--dir', root);
    expect(beside.code).toBe(0);
    expect((await cli('provenance', 'unstamp', file)).code).toBe(0);
    expect(look(file)).toEqual(old);
    expect(readdirSync(dirname(file))).toEqual([basename(file)]);
  });
});

describe('a stamp of another file', () => {
  test('in a file with other tensors of the same shapes', async () => {
    const { root, file, before } = withFile('safetensors/bf16.safetensors');
    await stamp(file, { dir: root });
    const stamped = readFileSync(file);
    const header = 8 + Number(stamped.readBigUInt64LE());
    // The other file is a sound one: its tensors are those of this one, backwards.
    const data = before.subarray(8 + Number(before.readBigUInt64LE()));
    const other = Buffer.concat([stamped.subarray(0, header), Buffer.from(data).reverse()]);
    writeFileSync(file, other);
    expect((await readStamp(file)).problems).toEqual([]);
    const { code, stdout } = await cli('provenance', 'verify', file, '--dir', root);
    expect(code).toBe(4);
    expect(stdout).toMatch(/content +failed +other tensors than were stamped/);
    await refuses(4, /is not the one of before/, ['unstamp', file]);
  });

  test('beside a file', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root, sidecar: true });
    const other = copyOf(root, 'torch/bf16.pt');
    copyFileSync(`${file}.provenance.json`, `${other}.provenance.json`);
    const { code, stdout } = await cli('provenance', 'verify', other, '--dir', root);
    expect(code).toBe(4);
    expect(stdout).toMatch(/content +failed/);
    await refuses(4, /is not the one that was stamped/, ['unstamp', other]);
    // Strict or not: other content is an error.
    expect((await cli('provenance', 'verify', file, '--dir', root)).code).toBe(0);
  });
});

describe('a header of 100 MB', () => {
  const LIMIT = 100_000_000;
  const begin = (length: number, size: number) => {
    const { root, file } = withFile('safetensors/empty.safetensors');
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(length));
    writeFileSync(file, head);
    truncateSync(file, size);
    return { root, file };
  };

  test.each([
    ['that is not there', LIMIT, 64],
    ['of zeros', LIMIT, LIMIT + 8],
    ['that is longer than readers allow', LIMIT + 1, LIMIT + 9],
    ['that has no end', 2 ** 53 - 1, LIMIT],
  ])('%s: the stamp is beside the file', async (_, length, size) => {
    const { root, file } = begin(length, size);
    const old = look(file);
    expect((await cli('provenance', 'read', file)).code).toBe(3);
    const { code, stdout } = await cli('provenance', 'stamp', file, '--dir', root);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^Stamped .*\.provenance\.json: [0-9a-f]{40} \(.+\)\n$/),
    });
    expect(look(file)).toEqual(old);
  });

  test('that leaves no room for a stamp', async () => {
    const { root, file } = withFile('safetensors/empty.safetensors');
    writeFileSync(file, longHeader(LIMIT, 'metadata'));
    await refuses(6, /with the stamp the header is too long/, ['stamp', file, '--dir', root]);
  });

  test('that has room', async () => {
    const { root, file } = withFile('safetensors/empty.safetensors');
    writeFileSync(file, longHeader(LIMIT, 'spaces'));
    utimesSync(file, 1_600_000_000, 1_600_000_123.5);
    const old = look(file);
    const { size } = statSync(file);
    await stamp(file, { dir: root });
    expect(statSync(file).size).toBe(size);
    expect((await cli('provenance', 'read', file)).code).toBe(0);
    expect((await cli('provenance', 'unstamp', file)).code).toBe(0);
    expect(look(file)).toEqual(old);
  });
});

describe('what others rely on keeps its stamp, unless forced', () => {
  test.each<[why: RegExp, prepare: (file: string) => string]>([
    [
      /is a symbolic link/,
      (file) => {
        const link = join(dirname(file), 'link.pt');
        symlinkSync(basename(file), link);
        return link;
      },
    ],
    [
      /has 2 names/,
      (file) => {
        linkSync(file, join(dirname(file), 'other.pt'));
        return file;
      },
    ],
    [
      /is read-only/,
      (file) => {
        chmodSync(file, 0o444);
        return file;
      },
    ],
  ])('%s', async (why, prepare) => {
    const { root, file, before } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root });
    const path = prepare(file);
    await refuses(8, why, ['unstamp', path]);
    await refuses(8, why, ['stamp', path, '--dir', root]);
    await refuses(8, why, ['stamp', path, '--in-place', '--dir', root]);
    expect((await cli('provenance', 'unstamp', '--force', path)).code).toBe(0);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  onPosix('links to nowhere and to themselves, folders and pipes', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    const folder = dirname(file);
    const at = (name: string) => join(folder, name);
    symlinkSync('nowhere', at('broken.pt'));
    symlinkSync('loop.pt', at('loop.pt'));
    symlinkSync('.', at('folder.pt'));
    execFileSync('mkfifo', [at('pipe.pt')]);
    const names = readdirSync(folder);
    for (const name of ['broken.pt', 'loop.pt', 'folder.pt', 'pipe.pt', '.']) {
      for (const command of ['read', 'stamp', 'unstamp', 'verify']) {
        const dir = /stamp$|verify/.test(command) && command !== 'unstamp' ? ['--dir', root] : [];
        for (const force of command.endsWith('stamp') ? [[], ['--force']] : [[]]) {
          const { code, stderr } = await cli('provenance', command, at(name), ...dir, ...force);
          expect([name, command, [6, 9].includes(code), stderr]).toEqual([
            name,
            command,
            true,
            expect.stringMatching(/^error: /),
          ]);
        }
      }
    }
    expect(readdirSync(folder)).toEqual(names);
  });
});

describe('a file that changes meanwhile', () => {
  const MORE = Buffer.from('more');
  /** What another program does to it. */
  const CHANGES: Record<string, (file: string) => void> = {
    longer: (file) => appendFileSync(file, MORE),
    shorter: (file) => truncateSync(file, Math.floor(statSync(file).size / 2)),
    empty: (file) => truncateSync(file, 0),
    'the same length and time': (file) => {
      const { atime, mtime, size } = statSync(file);
      writeFileSync(file, Buffer.alloc(size, 7), { flag: 'r+' });
      utimesSync(file, atime, mtime);
    },
    'another file': (file) => {
      writeFileSync(`${file}.new`, readFileSync(join(FIXTURES, 'torch/bf16.pt')));
      renameSync(`${file}.new`, file);
    },
  };

  type Step = 'hash' | 'open r+' | 'utimes';

  /** Lets the change happen right before our next step of this kind; tells what the file then is. */
  function interfere(step: Step, file: string, change: (file: string) => void): () => Buffer {
    let then: Buffer | undefined;
    const now = async () => {
      if (then !== undefined) return;
      // Times of files are as coarse as the clock of the kernel.
      await new Promise((done) => setTimeout(done, 30));
      change(file);
      then = readFileSync(file);
    };
    mockBeforeHash = async (path) => {
      if (step === 'hash' && path === file) await now();
    };
    const { open, utimes } = promises;
    jest.spyOn(promises, 'open').mockImplementation(async (path, flags, mode) => {
      if (step === 'open r+' && path === file && flags === 'r+') await now();
      return open(path, flags, mode);
    });
    jest.spyOn(promises, 'utimes').mockImplementation(async (...args) => {
      if (step === 'utimes') await now();
      return utimes(...args);
    });
    return () => then ?? Buffer.from('it never happened');
  }

  /** Expects that a command refuses, and that the file is what the other program made of it. */
  async function notices(
    [command, file, ...args]: [string, string, ...string[]],
    step: Step,
    change: (file: string) => void,
  ): Promise<void> {
    const names = readdirSync(dirname(file));
    const then = interfere(step, file, change);
    const { code, stderr } = await cli('provenance', command, file, ...args);
    mockBeforeHash = undefined;
    jest.restoreAllMocks();
    expect({ code, stderr }).toEqual({
      code: 8,
      stderr: expect.stringMatching(/^error: .*: changed meanwhile\nhint: Try again/),
    });
    expect(readFileSync(file).equals(then())).toBe(true);
    expect(readdirSync(dirname(file))).toEqual(names);
  }

  const names = Object.keys(CHANGES);
  const change = (name: string) => CHANGES[name] as (file: string) => void;

  test.each(FORMATS)('%s: while it is hashed, and right before it is replaced', async (fixture) => {
    for (const name of names) {
      for (const step of ['hash', 'utimes'] as const) {
        const { root, file } = withFile(fixture);
        await notices(['stamp', file, '--dir', root], step, change(name));
      }
    }
  });

  test.each(names)('in place: %s', async (name) => {
    for (const step of ['hash', 'open r+'] as const) {
      const { root, file } = withFile('torch/state_dict.pt');
      await notices(['stamp', file, '--in-place', '--dir', root], step, change(name));
    }
  });

  test.each(names)('with a stamp beside it: %s', async (name) => {
    const { root, file } = withFile('torch/state_dict.pt');
    await notices(['stamp', file, '--sidecar', '--dir', root], 'hash', change(name));
    await stamp(file, { dir: root, sidecar: true });
    await notices(['unstamp', file], 'hash', CHANGES.longer as (file: string) => void);
  });

  test.each(names)('while its stamp is taken out: %s', async (name) => {
    for (const fixture of FORMATS) {
      for (const step of ['hash', 'utimes'] as const) {
        const { root, file } = withFile(fixture);
        await stamp(file, { dir: root });
        await notices(['unstamp', file], step, change(name));
      }
    }
  });

  test.each(names)('while it is verified: %s', async (name) => {
    for (const fixture of ['torch/state_dict.pt', 'safetensors/bf16.safetensors']) {
      const { root, file } = withFile(fixture);
      await stamp(file, { dir: root });
      await notices(['verify', file, '--dir', root], 'hash', change(name));
    }
  });
});

describe('a file with a C2PA manifest in it', () => {
  const LONG = 'A'.repeat(10_000);

  /** A safetensors header with one more entry of metadata. */
  function inSafetensors(file: string): void {
    const bytes = readFileSync(file);
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    const metadata = { __metadata__: { ...header.__metadata__, 'c2pa:manifest': LONG } };
    const text = Buffer.from(JSON.stringify({ ...header, ...metadata }));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(file, Buffer.concat([size, text, bytes.subarray(8 + length)]));
  }

  /** One more entry of `metadata_props` at the end of the model. */
  function inOnnx(file: string): void {
    const varint = (value: number): number[] =>
      value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
    const field = (number: number, content: Buffer): Buffer =>
      Buffer.concat([
        Buffer.from([...varint((number << 3) | 2), ...varint(content.length)]),
        content,
      ]);
    const entry = [field(1, Buffer.from('c2pa:manifest')), field(2, Buffer.from(LONG))];
    appendFileSync(file, field(14, Buffer.concat(entry)));
  }

  test.each([
    ['safetensors/bf16.safetensors', inSafetensors],
    ['onnx/inline.onnx', inOnnx],
  ])('%s is changed only by force; a stamp beside it changes nothing', async (fixture, sign) => {
    const { root, file } = withFile(fixture);
    sign(file);
    const why = /carries the signature 'c2pa:manifest'/;
    await refuses(8, why, ['stamp', file, '--dir', root]);
    const before = readFileSync(file);
    expect((await cli('provenance', 'stamp', file, '--sidecar', '--dir', root)).code).toBe(0);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect((await cli('provenance', 'unstamp', file)).code).toBe(0);
    expect((await cli('provenance', 'stamp', file, '--force', '--dir', root)).code).toBe(0);
    await refuses(8, why, ['unstamp', file]);
    expect((await cli('provenance', 'unstamp', file, '--force')).code).toBe(0);
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});
