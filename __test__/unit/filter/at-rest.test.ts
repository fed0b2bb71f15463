import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atRest, regular, unchanged } from '../../../src/filter/at-rest';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'git-theta-rest-'));
  file = join(dir, 'model.pt');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a write in the same tick as the last one shows', async () => {
  for (let round = 0; round < 5; round++) {
    writeFileSync(file, 'one');
    const before = await atRest(file);
    writeFileSync(file, 'two');
    expect(unchanged(before, regular(file))).toBe(false);
  }
});

test('a file that was written long ago, or that is none, needs no waiting', async () => {
  writeFileSync(file, 'one');
  for (const time of [1_700_000_000, 4_000_000_000]) {
    utimesSync(file, time, time);
    expect(unchanged(await atRest(file), regular(file))).toBe(true);
  }
  expect(await atRest(join(dir, 'absent'))).toBeNull();
  expect(await atRest(dir)).toBeNull();
});
