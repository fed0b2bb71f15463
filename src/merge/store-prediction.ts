/**
 * What git will make of a store, path by path, and whether that is what the merged manifest wants.
 *
 * In: the store files of base, ours, theirs and of the wanted result. Out: the results that the driver of the store files
 * has to find, and the paths where git would go another way. git merges every path by itself: a file that one side
 * touched is taken from there, without asking. So it may remove what the other side still needs, or keep what the result
 * does not have.
 *
 * Renames are not predicted. Where git pairs a vanished file with a new one, the path by itself shows up here as one that
 * disagrees, and is repaired after the merge.
 */
import { isStampFile, type StoreFile } from '../store/paths';

/** A path that both sides changed, and what it becomes. */
export interface StoreResult {
  readonly path: string;
  /** Objects that the pointers of the sides name. */
  readonly ours: string;
  readonly theirs: string;
  readonly result: StoreFile;
}

/** What git will do. */
export interface Prediction {
  /** Paths for which git starts the driver of the store files, and a result exists. */
  readonly results: StoreResult[];
  /** Paths that would not be as wanted, or where git stops. */
  readonly disagreements: string[];
}

const byPath = (files: readonly StoreFile[]): Map<string, StoreFile> =>
  new Map(files.map((file) => [file.path, file]));

const same = (a: StoreFile | undefined, b: StoreFile | undefined): boolean =>
  a?.oid === b?.oid && a?.size === b?.size;

/** Predicts git's merge of the store of a model. Stamps that git keeps beside the result are as good as gone. */
export function predictStore(
  model: string,
  base: readonly StoreFile[],
  ours: readonly StoreFile[],
  theirs: readonly StoreFile[],
  wanted: readonly StoreFile[],
): Prediction {
  const [bases, a, b, w] = [byPath(base), byPath(ours), byPath(theirs), byPath(wanted)];
  const results: StoreResult[] = [];
  const disagreements: string[] = [];
  for (const path of new Set([...a.keys(), ...b.keys(), ...w.keys()])) {
    const [old, mine, other, want] = [bases.get(path), a.get(path), b.get(path), w.get(path)];
    const right = (taken: StoreFile | undefined): boolean =>
      same(taken, want) || (!want && isStampFile(path, model));
    if (same(mine, other) || same(old, other)) {
      if (!right(mine)) disagreements.push(path);
    } else if (same(old, mine)) {
      if (!right(other)) disagreements.push(path);
    } else if (mine && other && want) {
      results.push({ path, ours: mine.oid, theirs: other.oid, result: want });
    } else {
      disagreements.push(path);
    }
  }
  return { results, disagreements };
}
