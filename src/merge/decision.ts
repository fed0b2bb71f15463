/**
 * What becomes of one model in a merge.
 *
 * In: base, ours and theirs as git has them, and the model's path. Out: the merged manifest when nothing stands against
 * it; otherwise why a person, or `git theta merge --continue`, has to act. Decided from content alone, so it can be
 * decided again later, from the three stages in git's index.
 */
import type { Manifest } from '../manifest';
import { type StoreFile, storeFiles } from '../store/paths';
import type { Conflict } from './conflict';
import { mergeManifests } from './manifest-merge';
import { storeComesFirst } from './results';
import { describeSide, type Side } from './side';
import { predictStore, type StoreResult } from './store-prediction';

/**
 * - `merged`: all is well.
 * - `store`: the manifest is merged, but git's merge of the store files will not agree with it.
 * - `conflict`: both sides changed the same thing.
 */
export interface Decision {
  readonly kind: 'merged' | 'store' | 'conflict';
  /** The merged manifest; null for a conflict. */
  readonly manifest: Manifest | null;
  readonly conflicts: readonly Conflict[];
  /** What the driver of the store files has to find. */
  readonly results: readonly StoreResult[];
  /** Store files that will not be as wanted. */
  readonly disagreements: readonly string[];
}

const filesOf = (side: Side, path: string): StoreFile[] =>
  side.kind === 'manifest' ? storeFiles(side.manifest, path) : [];

function conflicting(conflicts: readonly Conflict[], results: readonly StoreResult[]): Decision {
  return { kind: 'conflict', manifest: null, conflicts, results, disagreements: [] };
}

/** A side without a manifest: there are no tensors to compare. */
function withoutManifest(base: Side, ours: Side, theirs: Side): Conflict | null {
  if (base.kind === 'crossed') return { name: '', kind: 'base' };
  for (const [name, side] of [
    ['ours', ours],
    ['theirs', theirs],
  ] as const) {
    if (side.kind === 'manifest') continue;
    const reason = `the version of ${name} ${describeSide(side)}`;
    return { name: '', kind: 'format', ours: ours.kind, theirs: theirs.kind, reason };
  }
  return null;
}

/** Decides. A base that is no manifest counts as none. */
export function decide(
  path: string,
  [base, ours, theirs]: readonly [base: Side, ours: Side, theirs: Side],
): Decision {
  const lacking = withoutManifest(base, ours, theirs);
  if (ours.kind !== 'manifest' || theirs.kind !== 'manifest') {
    return conflicting(lacking ? [lacking] : [], []);
  }
  const early = storeComesFirst(path);
  const [o, a, b] = [filesOf(base, path), filesOf(ours, path), filesOf(theirs, path)];
  const { merged, conflicts } = lacking
    ? { merged: null, conflicts: [lacking] }
    : mergeManifests(
        base.kind === 'manifest' ? base.manifest : null,
        ours.manifest,
        theirs.manifest,
      );
  if (!merged) {
    // Ours stays in place for now, store files too: only the model is left for a person to resolve.
    return conflicting(conflicts, early ? [] : predictStore(path, o, a, b, a).results);
  }
  const { results, disagreements } = predictStore(path, o, a, b, storeFiles(merged, path));
  if (early && results.length > 0) disagreements.push(...results.map((result) => result.path));
  return {
    kind: disagreements.length > 0 ? 'store' : 'merged',
    manifest: merged,
    conflicts: [],
    results: early ? [] : results,
    disagreements,
  };
}
