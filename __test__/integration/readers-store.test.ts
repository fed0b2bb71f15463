// The store in a clone, read by everybody else; and the files that git checkout wrote, by their own frameworks.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decompress } from 'zstd-napi';
import { torchPython, zarrsReader } from '../support/env';
import {
  safetensorsFile,
  type TensorDigest,
  tensorStore,
  torchLoad,
  type Unreadable,
  zarrita,
  zarrPython,
  zarrs,
} from '../support/readers';
import { FIXTURES, Scratch } from '../support/scratch';
import { settled } from './life-world';
import { ModelRepository, values } from './road-model';

type Digests = Record<string, TensorDigest>;

const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Record<
  string,
  { tensors: Digests }
>;
// Together they have every dtype of the fixtures, tied tensors, views, scalars, empty tensors and NaNs.
const FILES = [
  'safetensors/bf16.safetensors',
  'safetensors/dtypes.safetensors',
  'torch/dtype_complex128.pt',
  'torch/dtype_complex32.pt',
  'torch/nan_inf_negzero.pt',
  'torch/quantized.pt',
  'torch/scalars_and_empty.pt',
  'torch/t5ish.pt',
  'torch/tied.pt',
  'torch/train_loop.pt',
  'torch/views.pt',
];
/** Two chunks, the second cut short; two blocks in each; bytes of which some planes compress. */
const BIG = 'big.safetensors';
const ROWS = 2111;

let scratch: Scratch;
let clone: ModelRepository;
let big: Buffer;

beforeAll(async () => {
  scratch = new Scratch();
  await scratch.git('theta', 'install');
  const repo = new ModelRepository(scratch, await scratch.repo('repo'));
  const head = Buffer.from(
    JSON.stringify({
      weight: { dtype: 'F32', shape: [ROWS, 2048], data_offsets: [0, ROWS * 8192] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  big = Buffer.from(values(ROWS * 2048).buffer);
  const contents: Record<string, Buffer> = { [BIG]: Buffer.concat([length, head, big]) };
  for (const name of FILES) contents[name] = readFileSync(join(FIXTURES, name));
  for (const [name, content] of Object.entries(contents)) repo.write(name, content);
  await repo.theta('track', ...Object.keys(contents));
  await repo.theta('add', ...Object.keys(contents));
  await repo.git('commit', '--quiet', '-m', 'models');
  clone = new ModelRepository(scratch, await scratch.clone(`file://${repo.dir}`, 'clone'));
  await settled(clone, contents);
});
afterAll(() => scratch.cleanup());

/** Tensors by the array that holds them: those with one of their own, and others' names. */
async function arrays(name: string): Promise<{ own: string[]; others: string[] }> {
  const { stdout } = await clone.git('show', `HEAD:${name}`);
  const records = stdout
    .split('\n')
    .filter((line) => line.startsWith('{"tensor":'))
    .map((line) => JSON.parse(line));
  const own = records.filter(({ meta }) => meta !== undefined);
  const others = records.filter(({ meta }) => meta === undefined);
  return { own: own.map(({ tensor }) => tensor), others: others.map(({ tensor }) => tensor) };
}

/** What a reader cannot open, and why. */
interface Reader {
  read: (dir: string) => Promise<Record<string, TensorDigest | Unreadable>>;
  unknown: Record<string, string>;
  empty?: string;
}

const FLOAT8 = ['float8_e4m3fnuz', 'float8_e5m2', 'float8_e5m2fnuz', 'float8_e8m0fnu'];
const all = (dtypes: string[], why: string) => Object.fromEntries(dtypes.map((d) => [d, why]));

const READERS: Record<string, Reader> = {
  'zarr-python': { read: zarrPython, unknown: all(FLOAT8, 'it has no such data type') },
  TensorStore: { read: tensorStore, unknown: {} },
  zarrs: {
    read: zarrs,
    unknown: all(FLOAT8.slice(0, 3), 'it takes the fill value of this type in hexadecimal only'),
  },
  zarrita: {
    read: zarrita,
    unknown: {
      ...all([...FLOAT8, 'bfloat16', 'complex64', 'complex128'], 'it has no such data type'),
      ...('Float16Array' in globalThis ? {} : { float16: 'it needs Float16Array of Node.js' }),
    },
    empty: 'it has no arrays without elements',
  },
};

/** Stored under another data type: the bytes count, as documented in docs/format/encoding.md. */
const AS_BYTES = new Set(['float8_e4m3fn', 'complex32', 'qint8', 'quint8']);

describe.each(Object.entries(READERS))('%s reads', (reader, { read, unknown, empty }) => {
  const offered = reader !== 'zarrs' || zarrsReader() !== undefined;
  (offered ? test : test.skip).each(FILES)('%s', async (name) => {
    const found = await read(clone.path('.git_theta', name));
    const { own, others } = await arrays(name);
    const tensors = expected[name]?.tensors as Digests;
    // A quantized tensor brings its scales, which expected.json does not list.
    expect([...own, ...others]).toEqual(expect.arrayContaining(Object.keys(tensors)));
    expect(Object.keys(found).sort()).toEqual([...own].sort());
    for (const tensor of own) {
      const wanted = tensors[tensor];
      if (!wanted) {
        expect(name).toBe('torch/quantized.pt');
        expect(found[tensor]).toHaveProperty('sha256');
        continue;
      }
      const refused = wanted.dtype in unknown || (empty && wanted.shape.includes(0));
      if (refused) expect({ tensor, found: found[tensor] }).toHaveProperty('found.error');
      else if (AS_BYTES.has(wanted.dtype)) {
        expect(found[tensor]).toMatchObject({ dtype: 'uint8', sha256: wanted.sha256 });
      } else expect({ tensor, ...found[tensor] }).toEqual({ tensor, ...wanted });
    }
  });

  (offered ? test : test.skip)('an array of two chunks', async () => {
    const sha256 = createHash('sha256').update(big).digest('hex');
    expect(await read(clone.path('.git_theta', BIG))).toEqual({
      weight: { dtype: 'float32', shape: [ROWS, 2048], sha256 },
    });
  });
});

describe('frames, opened by an independent zstd', () => {
  /** A chunk as docs/format/encoding.md describes it. */
  function decode(chunk: Buffer): Buffer {
    const [version, versionlz, flags = 0, typesize = 0] = chunk;
    const [nbytes, blocksize, cbytes] = [4, 8, 12].map((at) => chunk.readUInt32LE(at)) as [
      number,
      number,
      number,
    ];
    expect([version, versionlz, cbytes]).toEqual([2, 1, chunk.length]);
    if (flags & 0x02) return chunk.subarray(16, 16 + nbytes);
    expect(flags & 0x80).toBe(0x80);
    const out: Buffer[] = [];
    const blocks = Math.ceil(nbytes / blocksize);
    let at = 16 + 4 * blocks;
    for (let block = 0; block < blocks; block += 1) {
      expect(chunk.readUInt32LE(16 + 4 * block)).toBe(at);
      const size = Math.min(blocksize, nbytes - block * blocksize);
      const streams = flags & 0x10 || size < blocksize ? 1 : typesize;
      const parts: Buffer[] = [];
      for (let stream = 0; stream < streams; stream += 1) {
        const length = chunk.readInt32LE(at);
        const data = chunk.subarray(at + 4, at + 4 + length);
        const part = length === size / streams ? data : decompress(data);
        expect(part.length).toBe(size / streams);
        parts.push(part);
        at += 4 + length;
      }
      const raw = Buffer.concat(parts);
      out.push(flags & 0x01 ? unshuffle(raw, typesize) : raw);
    }
    expect(at).toBe(chunk.length);
    return Buffer.concat(out);
  }

  function unshuffle(planes: Buffer, typesize: number): Buffer {
    const count = Math.floor(planes.length / typesize);
    const out = Buffer.from(planes);
    for (let plane = 0; plane < typesize; plane += 1) {
      for (let i = 0; i < count; i += 1) {
        out[i * typesize + plane] = planes[plane * count + i] as number;
      }
    }
    return out;
  }

  /** The values of an array in a folder: its chunks in order, without what the last has too much. */
  function content(dir: string, bytes: number): Buffer {
    const keys = readdirSync(dir).filter((name) => /^c(\.\d+)*$/.test(name));
    const order = (key: string) => key.split('.').slice(1).map(Number);
    keys.sort((a, b) => {
      const [x, y] = [order(a), order(b)];
      return x.reduce((sum, value, i) => sum || value - (y[i] ?? 0), 0);
    });
    const chunks = keys.map((key) => decode(readFileSync(join(dir, key))));
    return Buffer.concat(chunks).subarray(0, bytes);
  }

  test.each(FILES)('%s', async (name) => {
    let checked = 0;
    for (const [tensor, { sha256, dtype }] of Object.entries(expected[name]?.tensors ?? {})) {
      // None of these names has a character that is escaped.
      const dir = clone.path('.git_theta', name, ...tensor.split('/'));
      if (!existsSync(join(dir, 'zarr.json'))) continue;
      const { shape, codecs } = JSON.parse(readFileSync(join(dir, 'zarr.json'), 'utf8'));
      const chunks = readdirSync(dir).filter((key) => key !== 'zarr.json');
      if (!codecs || chunks.length === 0 || codecs[0].name === 'transpose') continue;
      const found = content(dir, Number.MAX_SAFE_INTEGER);
      expect(createHash('sha256').update(found).digest('hex')).toBe(sha256);
      expect({
        dtype,
        bytes: found.length % shape.reduce((a: number, b: number) => a * b, 1),
      }).toEqual({ dtype, bytes: 0 });
      checked += 1;
    }
    const constant = ['torch/scalars_and_empty.pt'].includes(name);
    expect(checked > 0).toBe(!constant);
  });

  test('an array of two chunks with several blocks', () => {
    const dir = clone.path('.git_theta', BIG, 'weight');
    expect(readdirSync(dir).sort()).toEqual(['c.0.0', 'c.1.0', 'zarr.json']);
    expect(content(dir, big.length).equals(big)).toBe(true);
  });
});

test.each(FILES.filter((name) => name.endsWith('.safetensors')))(
  'the safetensors library reads %s as git wrote it',
  async (name) => {
    expect(await safetensorsFile(clone.path(name))).toEqual(expected[name]?.tensors);
  },
);

// What Debian's torch knows; complex32 and quantized tensors have no NumPy form there.
(torchPython() ? test : test.skip).each([
  'torch/dtype_complex128.pt',
  'torch/nan_inf_negzero.pt',
  'torch/scalars_and_empty.pt',
  'torch/t5ish.pt',
  'torch/tied.pt',
  'torch/views.pt',
])('torch reads %s as git wrote it', async (name) => {
  expect(await torchLoad(clone.path(name))).toEqual(expected[name]?.tensors);
});
