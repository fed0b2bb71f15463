import { isThetaError } from '../../../src/errors';
import {
  compareManifests,
  compareNames,
  type Manifest,
  manifestObjects,
  parseManifest,
  printManifest,
  type TensorRecord,
} from '../../../src/manifest';

const hash = (n: number) => n.toString(16).padStart(64, '0');
const object = (n: number) => `${hash(n)}:${n + 1}`;

function tensor(name: string, n: number, rest: Partial<TensorRecord> = {}): TensorRecord {
  return {
    tensor: name,
    dtype: 'float32',
    shape: [4, 3],
    hash: hash(n),
    chunks: [object(n)],
    meta: object(n + 1),
    ...rest,
  };
}

function manifest(tensors: TensorRecord[]): Manifest {
  return {
    format: 'safetensors',
    skeleton: { size: 10, hash: hash(1), chunks: [object(2)], meta: object(3) },
    groups: [{ group: '', meta: object(4) }],
    storages: [],
    tensors,
  };
}

function milliseconds(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

test('a hundred thousand tensors cost a small multiple of parsing their JSON', () => {
  const names = Array.from({ length: 100_000 }, (_, i) => `model.layers.${i}.weight`).sort();
  const text = printManifest(manifest(names.map((name, i) => tensor(name, 2 * i + 10))));
  const bytes = Buffer.from(text);
  // Against the same machine at the same time: a limit in seconds would measure its load.
  const plain = milliseconds(() => {
    for (const line of text.split('\n')) if (line !== '') JSON.parse(line);
  });
  const strict = milliseconds(() => {
    expect(parseManifest(bytes).tensors).toHaveLength(100_000);
  });
  expect(strict / plain).toBeLessThan(30);
}, 30_000);

test('limits name themselves', () => {
  const long = `{"git-theta":1,"format":"${'x'.repeat(16 * 2 ** 20)}"}\n`;
  expect(() => parseManifest(long)).toThrow('16 MiB');
  expect(() => parseManifest(Buffer.alloc(64 * 2 ** 20 + 1))).toThrow('64 MiB');
});

test('bytes that are not UTF-8 are refused', () => {
  const bytes = Buffer.from('{"git-theta":1,"format":"\xff"}\n', 'latin1');
  expect(() => parseManifest(bytes)).toThrow('not UTF-8');
});

test('what breaks a rule is not printed', () => {
  const wrong = manifest([tensor('b', 10), tensor('a', 12)]);
  let code: unknown;
  try {
    printManifest(wrong);
  } catch (error) {
    code = isThetaError(error) && error.rule;
  }
  expect(code).toBe('sorted');
});

test('the printer does not depend on the order of keys in memory', () => {
  const straight = tensor('a', 10);
  const shuffled = Object.fromEntries(Object.entries(straight).reverse());
  expect(printManifest(manifest([shuffled as unknown as TensorRecord]))).toBe(
    printManifest(manifest([straight])),
  );
});

test('names are sorted by the bytes of their UTF-8', () => {
  const names = ['', 'Z', 'a', 'a\0', 'ab', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}'];
  for (const [i, a] of names.entries()) {
    for (const [j, b] of names.entries()) {
      const expected = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(Math.sign(compareNames(a, b))).toBe(expected);
      expect(Math.sign(i - j)).toBe(expected);
    }
  }
});

test('objects are listed once each', () => {
  const twice = manifest([tensor('a', 10), tensor('b', 10)]);
  const found = manifestObjects(twice);
  expect(found).toContainEqual({ oid: hash(10), size: 11 });
  expect(new Set(found.map(({ oid }) => oid))).toEqual(new Set([2, 3, 4, 10, 11].map(hash)));
  expect(found).toHaveLength(5);
});

test('compare tells what changed about each tensor', () => {
  const before = manifest([
    tensor('dtype', 10),
    tensor('gone', 12),
    tensor('kept', 14),
    tensor('layout', 16),
    tensor('shape', 18),
    tensor('value', 20),
  ]);
  const after = manifest([
    tensor('dtype', 11, { dtype: 'int32' }),
    tensor('kept', 14),
    tensor('layout', 16, { chunks: [object(99)] }),
    tensor('new', 30),
    tensor('shape', 19, { shape: [3, 4] }),
    tensor('value', 21),
  ]);
  const result = compareManifests(before, after);
  expect(result.added.map((t) => t.tensor)).toEqual(['new']);
  expect(result.removed.map((t) => t.tensor)).toEqual(['gone']);
  expect(result.changed.map((c) => [c.name, c.what])).toEqual([
    ['dtype', ['dtype']],
    ['layout', ['layout']],
    ['shape', ['shape']],
    ['value', ['value']],
  ]);
  expect(result).toMatchObject({ unchanged: 1, skeleton: false, format: false, pieces: false });
  const other = { ...after, format: 'torch-zip' };
  expect(compareManifests(after, other)).toMatchObject({ changed: [], format: true });
  const stamped = { size: 11, hash: hash(7), chunks: [object(8)], meta: object(9), of: hash(6) };
  expect(compareManifests(after, { ...after, stamped })).toMatchObject({ skeleton: true });
});
