import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../../src/manifest';
import {
  arrayFolders,
  encodeComponent,
  modelOf,
  storeFiles,
  storeRoot,
} from '../../../src/store/paths';
import { chunkKeys, makeManifest } from './model';

jest.mock('../../../src/native', () => ({ chunkKeys: (records: string) => chunkKeys(records) }));

const digits = (component: string, from = 0): string =>
  `~${createHash('sha256')
    .update(component)
    .digest('hex')
    .slice(from, from + 8)}`;

const golden: [string, string][] = JSON.parse(
  readFileSync(join(__dirname, '../../golden/names.json'), 'utf8'),
);

test.each(golden)('%j becomes %j', (component, expected) => {
  expect(encodeComponent(component)).toBe(expected);
});

const hash = 'f'.repeat(64);
const put = (content: string) => ({
  oid: createHash('sha256').update(content).digest('hex'),
  size: content.length,
});

function foldersOf(...names: string[]): Record<string, string> {
  const manifest = makeManifest(Object.fromEntries(names.map((name) => [name, 'v'])), put);
  return Object.fromEntries(arrayFolders(manifest).tensors);
}

test('names that differ in case alone are told apart', () => {
  expect(foldersOf('a', 'A', 'b', 'B/x', 'b/y')).toEqual({
    a: `a${digits('a')}`,
    A: `A${digits('A')}`,
    b: `b${digits('b', 8)}`,
    'B/x': `B${digits('B')}/x`,
    'b/y': `b${digits('b')}/y`,
  });
  expect(foldersOf('x/A', 'y/a')).toEqual({ 'x/A': 'x/A', 'y/a': 'y/a' });
  expect(foldersOf('ZARR.json', 'É', 'é')).toEqual({
    'ZARR.json': `ZARR.json${digits('ZARR.json')}`,
    É: '%C3%89',
    é: '%C3%A9',
  });
});

test("a tensor that is also a group's name makes room", () => {
  expect(foldersOf('a', 'a/b', 'a/b/d')).toEqual({
    a: `a${digits('a')}`,
    'a/b': `a/b${digits('b')}`,
    'a/b/d': 'a/b/d',
  });
  expect(foldersOf('', '/x')).toEqual({ '': `%${digits('')}`, '/x': '%/x' });
  expect(foldersOf('')).toEqual({ '': '%' });
});

test('long names are cut, and stay apart', () => {
  const a = 'x'.repeat(400);
  const folders = Object.values(foldersOf(a, `${a}y`, `${'x'.repeat(139)}é${a}`));
  expect(new Set(folders).size).toBe(3);
  for (const path of folders) expect(path.length).toBeLessThanOrEqual(150);
});

test('a group without arrays of its own has its metadata', () => {
  const manifest = makeManifest({ base: 'v' }, put);
  const [base] = manifest.tensors;
  manifest.groups.push({ group: 'tied', meta: manifest.groups[0]?.meta ?? '' });
  manifest.tensors.push({
    tensor: 'tied/x',
    dtype: 'float32',
    shape: [4, 3],
    hash: base?.hash ?? '',
    same: 'base',
  });
  expect(arrayFolders(manifest).groups).toEqual(
    new Map([
      ['', ''],
      ['tied', 'tied'],
    ]),
  );
  expect(storeFiles(manifest, 'm').map(({ path }) => path)).toContain(
    '.git_theta/m/tied/zarr.json',
  );
});

test('all files of a store, sorted', () => {
  const manifest: Manifest = makeManifest({ 'a/w': '1', z: '2' }, put);
  manifest.storages.push({
    storage: 'a/w',
    size: 9,
    hash,
    chunks: [`${hash}:7`],
    meta: `${hash}:8`,
  });
  const digest = '5'.repeat(64);
  manifest.stamped = {
    size: 9,
    hash: digest,
    chunks: [`${hash}:17`],
    meta: `${hash}:18`,
    of: hash,
  };
  expect(storeFiles(manifest, 'dir/m.pt').map(({ path, size }) => [path, size])).toEqual([
    ['.git_theta/dir/m.pt/.skeleton/c.0', 14],
    ['.git_theta/dir/m.pt/.skeleton/zarr.json', 13],
    [`.git_theta/dir/m.pt/.stamped/${digest}/c.0`, 17],
    [`.git_theta/dir/m.pt/.stamped/${digest}/zarr.json`, 18],
    ['.git_theta/dir/m.pt/.storage/a/w/c.0', 7],
    ['.git_theta/dir/m.pt/.storage/a/w/zarr.json', 8],
    ['.git_theta/dir/m.pt/a/w/c.0', 5],
    ['.git_theta/dir/m.pt/a/w/zarr.json', 8],
    ['.git_theta/dir/m.pt/a/zarr.json', 7],
    ['.git_theta/dir/m.pt/z/c.0', 3],
    ['.git_theta/dir/m.pt/z/zarr.json', 6],
    ['.git_theta/dir/m.pt/zarr.json', 6],
  ]);
});

test('an opaque file has pieces, each once', () => {
  const pieces = ['1', '2', '1'].map((digit) => `${digit.repeat(64)}:5`);
  const none = { groups: [], storages: [], tensors: [] };
  const manifest: Manifest = { format: 'opaque', reason: 'x', pieces, ...none };
  expect(storeFiles(manifest, 'm').map(({ path }) => path)).toEqual([
    `.git_theta/m/.pieces/${'1'.repeat(64)}`,
    `.git_theta/m/.pieces/${'2'.repeat(64)}`,
  ]);
});

test('the model of a path', () => {
  expect(storeRoot('a/m.pt')).toBe('.git_theta/a/m.pt');
  expect(modelOf('.git_theta/m.pt/w/c.0', ['m', 'm.pt'])).toBe('m.pt');
  expect(modelOf('.git_theta/m.pt2/w/c.0', ['m', 'm.pt'])).toBeNull();
  expect(modelOf('m.pt', ['m.pt'])).toBeNull();
});
