import { predictStore } from '../../../src/merge/store-prediction';
import type { StoreFile } from '../../../src/store/paths';
import { hex } from './models';

/** One store file for each path; `0` means that there is none. */
function files(versions: Record<string, number>): StoreFile[] {
  return Object.entries(versions)
    .filter(([, version]) => version > 0)
    .map(([path, version]) => ({ path, oid: hex(`${version}`), size: version }));
}

/** What git does with one path. */
function one(o: number, a: number, b: number, wanted: number, path = 'p') {
  const { results, disagreements } = predictStore(
    'm',
    ...([o, a, b, wanted].map((version) => files({ [path]: version })) as [
      StoreFile[],
      StoreFile[],
      StoreFile[],
      StoreFile[],
    ]),
  );
  if (disagreements.length > 0) return 'disagrees';
  return results.length > 0 ? results[0]?.result.size : 'agrees';
}

test.each([
  [1, 1, 1, 1],
  [1, 2, 1, 2],
  [1, 1, 2, 2],
  [1, 2, 2, 2],
  [0, 1, 0, 1],
  [0, 0, 1, 1],
  [0, 1, 1, 1],
  [1, 0, 1, 0],
  [1, 1, 0, 0],
  [1, 0, 0, 0],
])('git comes to the wanted result by itself: %i %i %i -> %i', (o, a, b, wanted) => {
  expect(one(o, a, b, wanted)).toBe('agrees');
});

test.each([
  [1, 2, 3, 2],
  [1, 2, 3, 3],
  [1, 2, 3, 4],
  [0, 1, 2, 1],
])('the driver gives the wanted result: %i %i %i -> %i', (o, a, b, wanted) => {
  expect(one(o, a, b, wanted)).toBe(wanted);
});

test.each([
  // git takes the one side's change, or its removal.
  [1, 2, 1, 1],
  [1, 1, 2, 1],
  [1, 0, 1, 1],
  [1, 1, 0, 1],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
  [1, 1, 1, 0],
  // git stops.
  [1, 2, 0, 2],
  [1, 0, 2, 2],
  [1, 2, 0, 0],
  [1, 2, 3, 0],
])('git does not come to the wanted result: %i %i %i -> %i', (o, a, b, wanted) => {
  expect(one(o, a, b, wanted)).toBe('disagrees');
});

const STAMP = '.git_theta/m/.stamped/0/c.0';

test.each([
  [0, 1, 0],
  [0, 0, 1],
  [0, 1, 1],
  [1, 1, 1],
  [1, 0, 1],
  [1, 1, 0],
])('a stamp that git keeps beside the result is as good as gone: %i %i %i', (o, a, b) => {
  expect(one(o, a, b, 0, STAMP)).toBe('agrees');
});

test('a stamp of the result has to be there, and one that git cannot decide stops it', () => {
  expect(one(1, 0, 1, 1, STAMP)).toBe('disagrees');
  expect(one(0, 0, 0, 1, STAMP)).toBe('disagrees');
  expect(one(1, 2, 0, 0, STAMP)).toBe('disagrees');
  expect(one(1, 2, 3, 0, STAMP)).toBe('disagrees');
  expect(one(0, 1, 0, 0, '.git_theta/other/.stamped/0/c.0')).toBe('disagrees');
});

test('every path is looked at', () => {
  const prediction = predictStore(
    'm',
    files({ a: 1, b: 1, c: 1 }),
    files({ a: 2, b: 2, d: 1 }),
    files({ a: 3, b: 1, c: 1 }),
    files({ a: 3, b: 2, c: 1, d: 1 }),
  );
  expect(prediction).toEqual({
    results: [
      {
        path: 'a',
        ours: hex('2'),
        theirs: hex('3'),
        result: { path: 'a', oid: hex('3'), size: 3 },
      },
    ],
    disagreements: ['c'],
  });
});
