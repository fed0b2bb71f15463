/**
 * The three-way merge of manifests.
 *
 * In: the manifests of both sides and of their common ancestor, if there is one. Out: the merged manifest, or the
 * conflicts. Where both sides changed the file, the result has no stamp: one names the tensors of a single file, and an
 * archive's states their CRCs. A change on one side is taken, the same change on both sides is taken once; no value is computed. The merged
 * manifest is one that a checkpoint can be rebuilt from: the skeleton names arrays and holds their types and shapes, so
 * the tensors must be those of a side that has this skeleton.
 */
import { compareNames, type Manifest } from '../manifest';
import { groupsOf } from '../manifest/check';
import { brokenLinks, misfits } from './cohesion';
import type { Conflict, ConflictKind } from './conflict';
import { GROUP, SKELETON, STORAGE, TENSOR, TEXT } from './record-keys';
import { type Keys, mergeNamed, mergeOne } from './three-way';

/** The result: with conflicts there is no manifest. */
export type ManifestMerge =
  | { readonly merged: Manifest; readonly conflicts: readonly [] }
  | { readonly merged: null; readonly conflicts: readonly Conflict[] };

type Sides = readonly [base: Manifest | null, ours: Manifest, theirs: Manifest];

const text = (manifest: Manifest): string => JSON.stringify(manifest);

/** The name of the format, or what an opaque file is. */
function formatOf(manifest: Manifest): string {
  return manifest.pieces ? `${manifest.format} (${manifest.reason ?? ''})` : manifest.format;
}

function whole(
  kind: ConflictKind,
  [base, ours, theirs]: Sides,
  value: (manifest: Manifest) => unknown,
): Conflict {
  return {
    name: '',
    kind,
    ...(base && { base: value(base) }),
    ours: value(ours),
    theirs: value(theirs),
  };
}

/** Format and skeleton. They belong together, so both must be those of one side. */
function mergeFrame(sides: Sides): Pick<Manifest, 'format' | 'skeleton'> | Conflict {
  const [base, ours, theirs] = sides;
  const format = mergeOne(base?.format, ours.format, theirs.format, TEXT);
  if ('clash' in format) return whole('format', sides, formatOf);
  const skeleton = mergeOne(base?.skeleton, ours.skeleton, theirs.skeleton, SKELETON);
  if ('clash' in skeleton) return whole('skeleton', sides, (side) => side.skeleton);
  const pair = [ours, theirs].find(
    (side) => side.format === format.take && side.skeleton?.hash === skeleton.take?.hash,
  );
  if (!pair || !format.take || !skeleton.take) return whole('format', sides, formatOf);
  return { format: format.take, skeleton: skeleton.take };
}

/** Merges the records of one kind, sorted as in the manifest. */
function mergeRecords<T>(
  [base, ours, theirs]: Sides,
  list: (side: Manifest) => T[],
  nameOf: (record: T) => string,
  keys: Keys<T>,
) {
  const lists = [base ? list(base) : [], list(ours), list(theirs)] as const;
  const { taken, clashes } = mergeNamed<T>(lists, nameOf, keys);
  taken.sort((a, b) => compareNames(nameOf(a), nameOf(b)));
  clashes.sort((a, b) => compareNames(a.name, b.name));
  return { taken, clashes };
}

/** Groups follow from the tensors: a group that one side emptied may be needed by the other. */
function groupsFor(names: readonly string[], sides: Sides): Manifest['groups'] {
  const [base, ours, theirs] = sides.map(
    (side) => new Map((side?.groups ?? []).map((record) => [record.group, record])),
  );
  const groups: Manifest['groups'] = [];
  for (const name of [...groupsOf(names)].sort(compareNames)) {
    const [a, b] = [ours?.get(name), theirs?.get(name)];
    const outcome = mergeOne(base?.get(name), a, b, GROUP);
    const record = ('take' in outcome ? outcome.take : undefined) ?? a ?? b;
    if (record) groups.push(record);
  }
  return groups;
}

/** The side that a merge takes as it is, where only one side changed anything; null where both did. */
function changedAlone([base, ours, theirs]: Sides): Manifest | null {
  const [o, a, b] = [base ? text(base) : null, text(ours), text(theirs)];
  if (a === b || b === o) return ours;
  return a === o ? theirs : null;
}

/** The manifest of the file without its stamp. */
function unstamped({ stamped: _, ...manifest }: Manifest): Manifest {
  return manifest;
}

/**
 * Merges two manifests.
 *
 * @param base - null where the sides have no common ancestor: both added the checkpoint.
 */
export function mergeManifests(
  base: Manifest | null,
  ours: Manifest,
  theirs: Manifest,
): ManifestMerge {
  const alone = changedAlone([base, ours, theirs]);
  if (alone) return { merged: alone, conflicts: [] };
  return mergeUnstamped(base && unstamped(base), unstamped(ours), unstamped(theirs));
}

/** Merges versions without stamps. */
function mergeUnstamped(base: Manifest | null, ours: Manifest, theirs: Manifest): ManifestMerge {
  const sides: Sides = [base, ours, theirs];
  const alone = changedAlone(sides);
  if (alone) return { merged: alone, conflicts: [] };

  const failed = (...conflicts: Conflict[]): ManifestMerge => ({ merged: null, conflicts });
  if (ours.pieces && theirs.pieces) return failed(whole('pieces', sides, formatOf));
  if (ours.pieces || theirs.pieces) return failed(whole('format', sides, formatOf));

  const frame = mergeFrame(sides);
  const storages = mergeRecords(
    sides,
    (side) => side.storages,
    ({ storage }) => storage,
    STORAGE,
  );
  const tensors = mergeRecords(
    sides,
    (side) => side.tensors,
    ({ tensor }) => tensor,
    TENSOR,
  );
  const conflicts: Conflict[] = [...storages.clashes, ...tensors.clashes];
  if ('kind' in frame) return failed(frame, ...conflicts);
  if (conflicts.length > 0) return failed(...conflicts);

  const merged: Manifest = {
    ...frame,
    groups: groupsFor(
      tensors.taken.map(({ tensor }) => tensor),
      sides,
    ),
    storages: storages.taken,
    tensors: tensors.taken,
  };
  const doubts = [...brokenLinks(merged, sides), ...misfits(merged, [ours, theirs])];
  return doubts.length > 0 ? failed(...doubts) : { merged, conflicts: [] };
}
