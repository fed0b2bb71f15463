/** Stamps at the end of the file itself: whatever fails, the bytes of before are there. */
import fs, {
  chmodSync,
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readStamp, stamp, unstamp } from '../../../src/provenance/stamping';
import { commit, write } from './git-repositories';
import { look, withFile } from './stamping-files';

const APPENDED = ['torch/state_dict.pt', 'lightning/unstamped.ckpt', 'onnx/inline.onnx'];

afterEach(() => {
  jest.restoreAllMocks();
});

/** Lets what is opened for writing pass through `change`. */
function opened(change: (file: FileHandle) => void): void {
  const open = fs.promises.open;
  jest.spyOn(fs.promises, 'open').mockImplementation(async (path, flags, mode) => {
    const file = await open(path, flags, mode);
    if (flags === 'r+') change(file);
    return file;
  });
}

const full = (syscall: string): Error =>
  Object.assign(new Error(`ENOSPC: no space left on device, ${syscall}`), {
    code: 'ENOSPC',
    syscall,
  });

/** Ways to fail; each `times` times. */
const FAULTS: Record<string, (file: FileHandle, times: number) => void> = {
  'half of it is written': (file, times) => {
    const own = file.write.bind(file) as (
      bytes: Buffer,
      from: number,
      length: number,
      at: number,
    ) => Promise<{ bytesWritten: number }>;
    let [calls, left] = [0, times];
    file.write = (async (bytes: Buffer, from: number, length: number, at: number) => {
      if (left > 0 && ++calls % 2 === 0) {
        left--;
        throw full('write');
      }
      return own(bytes, from, left > 0 ? Math.ceil(length / 2) : length, at);
    }) as never;
  },
  truncate: (file, times) => failing(file, 'truncate', times),
  utimes: (file, times) => failing(file, 'utimes', times),
  sync: (file, times) => failing(file, 'sync', times),
};

function failing(file: FileHandle, name: 'truncate' | 'utimes' | 'sync', times: number): void {
  const own = file[name].bind(file) as (...args: unknown[]) => Promise<void>;
  let left = times;
  file[name] = async (...args: unknown[]) => {
    if (left-- > 0) throw full(name);
    return own(...args);
  };
}

describe.each(APPENDED)('%s', (fixture) => {
  test.each(Object.keys(FAULTS))('a failure: %s', async (name) => {
    const { root, file } = withFile(fixture);
    utimesSync(file, 1_600_000_000, 1_600_000_123.5);
    const attempt = async (work: () => Promise<unknown>) => {
      const old = look(file);
      let seen = 0;
      opened((handle) => {
        seen++;
        FAULTS[name]?.(handle, 1);
      });
      await expect(work()).rejects.toMatchObject({
        code: 'ERR_THETA_PROVENANCE_IO',
        message: expect.stringContaining('no space left'),
      });
      expect(seen).toBe(1);
      jest.restoreAllMocks();
      expect(look(file)).toEqual(old);
    };
    await attempt(() => stamp(file, { dir: root, inPlace: true }));
    await stamp(file, { dir: root, inPlace: true });
    // Over another stamp: with uncommitted code, and without.
    write(root, 'train.py', 'print(2)\n');
    await attempt(() => stamp(file, { dir: root, inPlace: true }));
    commit(root, 'second');
    await attempt(() => stamp(file, { dir: root, inPlace: true }));
    if (name !== 'half of it is written') await attempt(() => unstamp(file, { inPlace: true }));
  });

  test('is stamped, and had back, without another file', async () => {
    const { root, file, before } = withFile(fixture);
    utimesSync(file, 1_600_000_000, 1_600_000_123.5);
    const { ino } = statSync(file);
    for (const text of ['print(1)\n', `x = '${'long'.repeat(99)}'\n`, 'print(3)\n']) {
      write(root, `lib/${text.length}.py`, text);
      const made = await stamp(file, { dir: root, inPlace: true });
      expect(made.written).toBe(true);
      expect(await readStamp(file)).toMatchObject({ stamp: made.stamp, problems: [] });
      expect(readFileSync(file).subarray(0, before.length).equals(before)).toBe(true);
    }
    await unstamp(file, { inPlace: true, dryRun: true });
    expect((await readStamp(file)).where).toBe('file');
    await unstamp(file, { inPlace: true });
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(statSync(file)).toMatchObject({ ino, mtimeMs: 1_600_000_123_500 });
  });
});

test('when nothing can be put back either, it says what is left', async () => {
  const { root, file, before } = withFile('torch/state_dict.pt');
  opened((handle) => FAULTS.sync?.(handle, 2));
  await expect(stamp(file, { dir: root, inPlace: true })).rejects.toMatchObject({
    code: 'ERR_THETA_PROVENANCE_IO',
    hint: `Its first ${before.length} bytes are the file without a stamp.`,
  });
  expect(readFileSync(file).subarray(0, before.length).equals(before)).toBe(true);
});

test('a file with several names gets one of its own', async () => {
  const { root, file, before } = withFile('torch/state_dict.pt');
  const other = join(dirname(file), 'cached.pt');
  linkSync(file, other);
  await stamp(file, { dir: root, inPlace: true, force: true });
  expect((await readStamp(file)).where).toBe('file');
  expect(readFileSync(other).equals(before)).toBe(true);
});

test('a read-only file is replaced when forced', async () => {
  const { root, file, before } = withFile('torch/state_dict.pt');
  chmodSync(file, 0o444);
  // Of root, the system would ask nothing.
  const open = fs.promises.open;
  jest.spyOn(fs.promises, 'open').mockImplementation(async (path, flags, mode) => {
    if (path !== file || flags !== 'r+') return open(path, flags, mode);
    const message = 'EACCES: permission denied, open';
    throw Object.assign(new Error(message), { code: 'EACCES', syscall: 'open' });
  });
  await stamp(file, { dir: root, inPlace: true, force: true });
  jest.restoreAllMocks();
  expect((await readStamp(file)).where).toBe('file');
  expect(statSync(file).mode & 0o777).toBe(0o444);
  await unstamp(file, { inPlace: true, force: true });
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('where a stamp is not appended the file is replaced', async () => {
  const { root, file, before } = withFile('safetensors/bf16.safetensors');
  await stamp(file, { dir: root, inPlace: true });
  expect((await readStamp(file)).where).toBe('file');
  await unstamp(file, { inPlace: true });
  expect(readFileSync(file).equals(before)).toBe(true);
});

test.each([
  ['is another one', (file: string) => renameSync(`${file}.other`, file)],
  ['has grown', (file: string) => writeFileSync(file, 'more', { flag: 'a' })],
])('a file that %s when it is opened is refused', async (_, change) => {
  const { root, file, before } = withFile('torch/state_dict.pt');
  writeFileSync(`${file}.other`, before);
  const open = fs.promises.open;
  jest.spyOn(fs.promises, 'open').mockImplementation(async (path, flags, mode) => {
    if (flags === 'r+') change(file);
    return open(path, flags, mode);
  });
  await expect(stamp(file, { dir: root, inPlace: true })).rejects.toMatchObject({
    code: 'ERR_THETA_PROVENANCE_REFUSED',
    message: expect.stringContaining('changed meanwhile'),
  });
  expect(readFileSync(file).subarray(0, before.length).equals(before)).toBe(true);
  expect(readFileSync(file).length - before.length).toBeLessThan(5);
});
