/**
 * What becomes of one model in a merge.
 *
 * In: base, ours and theirs as git has them, and the model's path. Out: the merged manifest when nothing stands against
 * it; otherwise why a person, or `git theta merge --continue`, has to act. Decided from content alone, so it can be
 * decided again later, from the three stages in git's index. Where both sides changed the model, the result has no
 * stamp: one is that of a single file.
 */
import { isThetaError } from '../errors';
import type { Manifest } from '../manifest';
import { type StoreFile, storeFiles } from '../store/paths';
import type { Conflict } from './conflict';
import { changedAlone, type ManifestMerge, mergeManifests } from './manifest-merge';
import { storeComesFirst } from './results';
import { describeSide, type Side } from './side';
import type { Unstamp } from './stamps';
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

type Manifests = readonly [base: Manifest | null, ours: Manifest, theirs: Manifest];

/** Merges the versions without their stamps. */
async function mergeUnstamped(versions: Manifests, unstamp: Unstamp): Promise<ManifestMerge> {
  if (changedAlone(...versions)) return mergeManifests(...versions);
  const [base, ours, theirs] = versions;
  try {
    const [a = ours, b = theirs, o = null] = await unstamp(
      base ? [ours, theirs, base] : [ours, theirs],
    );
    return mergeManifests(o, a, b);
  } catch (error) {
    if (!isThetaError(error, 'ERR_THETA_MISSING_OBJECT')) throw error;
    const reason = error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
    return { merged: null, conflicts: [{ name: '', kind: 'skeleton', reason }] };
  }
}

/**
 * Decides. A base that is no manifest counts as none.
 *
 * @param unstamp - takes stamps out of manifests, see {@link unstamper}.
 */
export async function decide(
  path: string,
  [base, ours, theirs]: readonly [base: Side, ours: Side, theirs: Side],
  unstamp: Unstamp,
): Promise<Decision> {
  const lacking = withoutManifest(base, ours, theirs);
  if (ours.kind !== 'manifest' || theirs.kind !== 'manifest') {
    return conflicting(lacking ? [lacking] : [], []);
  }
  const early = storeComesFirst(path);
  const [o, a, b] = [filesOf(base, path), filesOf(ours, path), filesOf(theirs, path)];
  const { merged, conflicts } = lacking
    ? { merged: null, conflicts: [lacking] }
    : await mergeUnstamped(
        [base.kind === 'manifest' ? base.manifest : null, ours.manifest, theirs.manifest],
        unstamp,
      );
  if (!merged) {
    // Ours stays in place for now, store files too: only the model is left for a person to resolve.
    return conflicting(conflicts, early ? [] : predictStore(o, a, b, a).results);
  }
  const { results, disagreements } = predictStore(o, a, b, storeFiles(merged, path));
  if (early && results.length > 0) disagreements.push(...results.map((result) => result.path));
  return {
    kind: disagreements.length > 0 ? 'store' : 'merged',
    manifest: merged,
    conflicts: [],
    results: early ? [] : results,
    disagreements,
  };
}
