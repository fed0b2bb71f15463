import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CleanCache, MAX_ENTRIES } from '../../../src/filter/cache';
import { objectPath } from '../../../src/lfs/store';

let dir: string;
let cache: CleanCache;
const oid = 'ab'.repeat(32);
const HASH = 'cd'.repeat(32);
const manifest = `{"git-theta":1,"format":"opaque","reason":"r"}\n\n{"pieces":["${oid}:3"]}\n`;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'git-theta-cache-'));
  cache = new CleanCache(dir, [join(dir, 'objects'), join(dir, 'pins')]);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function putObject(store: string, bytes = 'abc'): string {
  const path = objectPath(join(dir, store), oid);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

test('an answer is kept while its objects are in some store', () => {
  expect(cache.get(HASH)).toBeNull();
  cache.put(HASH, manifest);
  putObject('pins');
  expect(cache.get(HASH)).toBe(manifest);
});

test('an answer whose object is gone, or has another size, is forgotten', () => {
  cache.put(HASH, manifest);
  expect(cache.get(HASH)).toBeNull();
  const object = putObject('objects', 'too long');
  cache.put(HASH, manifest);
  expect(cache.get(HASH)).toBeNull();
  rmSync(object);
  putObject('objects');
  expect(cache.get(HASH)).toBeNull();
});

test('what is no manifest is no answer', () => {
  putObject('objects');
  cache.put(HASH, manifest.replace('opaque', 'safetensors'));
  expect(cache.get(HASH)).toBeNull();
  cache.put('../escape', manifest);
  expect(cache.get('../escape')).toBeNull();
});

test('the oldest answers go, and what a killed process left', () => {
  const folder = join(dir, 'cache', 'clean');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.left.1'), 'x');
  utimesSync(join(folder, '.left.1'), 1, 1);
  for (let i = 0; i < MAX_ENTRIES; i++) {
    const file = join(folder, i.toString(16).padStart(64, '0'));
    writeFileSync(file, manifest);
    utimesSync(file, 1000 + i, 1000 + i);
  }
  cache.put(HASH, manifest);
  const left = readdirSync(folder);
  expect(left.length).toBe(MAX_ENTRIES);
  expect(left).toContain(HASH);
  expect(left).not.toContain('.left.1');
  expect(left).not.toContain('0'.repeat(64));
});
