/**
 * Whether a merged manifest is the manifest of a checkpoint.
 *
 * In: records that were each taken from one side. Out: conflicts where records do not fit each other, although each of
 * them is right by itself.
 */
import {
  compareNames,
  type Manifest,
  type SkeletonRecord,
  type StorageRecord,
  type TensorRecord,
} from '../manifest';
import type { Conflict } from './conflict';
import { layoutKey, STORAGE, TENSOR } from './record-keys';

interface Lookup {
  readonly tensors: Map<string, TensorRecord>;
  readonly storages: Map<string, StorageRecord>;
}

function lookup({ tensors, storages }: Manifest): Lookup {
  return {
    tensors: new Map(tensors.map((record) => [record.tensor, record])),
    storages: new Map(storages.map((record) => [record.storage, record])),
  };
}

/** What a `same` or `view` looks at, as one text per value; null when there is no such thing. */
function targetKey(record: TensorRecord, { tensors, storages }: Lookup): string | null {
  const { storage } = record.view ?? {};
  if (storage !== undefined) {
    const found = storages.get(storage);
    return found ? STORAGE.value(found) : null;
  }
  const found = tensors.get(record.same ?? record.view?.of ?? '');
  return found ? TENSOR.value(found) : null;
}

/**
 * Tensors that look at another's array, of which one side has changed the view and the other the array. The view's hash
 * is that of its value, so view and array must be as some side has them, together.
 */
export function brokenLinks(merged: Manifest, sides: readonly (Manifest | null)[]): Conflict[] {
  const result = lookup(merged);
  const known = sides.filter((side) => side !== null).map(lookup);
  const conflicts: Conflict[] = [];
  for (const record of merged.tensors) {
    if (record.same === undefined && record.view === undefined) continue;
    const target = targetKey(record, result);
    const value = TENSOR.value(record);
    const together = known.some((side) => {
      const own = side.tensors.get(record.tensor);
      return own && TENSOR.value(own) === value && targetKey(own, side) === target;
    });
    if (target !== null && together) continue;
    const name = record.same ?? record.view?.of ?? record.view?.storage ?? '';
    conflicts.push({
      name: record.tensor,
      kind: target === null ? 'modify/delete' : 'modify/modify',
      reason: `one side changed it, the other '${name}', whose storage it shares`,
    });
  }
  return conflicts;
}

/** What a skeleton says of every tensor and storage. */
function layouts(manifest: Manifest): Map<string, string> {
  return new Map([
    ...manifest.tensors.map((record) => [`t${record.tensor}`, layoutKey(record)] as const),
    ...manifest.storages.map(({ storage, size }) => [`s${storage}`, String(size)] as const),
  ]);
}

const sameSkeleton = (a?: SkeletonRecord, b?: SkeletonRecord): boolean =>
  a?.size === b?.size && a?.hash === b?.hash;

/**
 * Arrays that the skeleton does not have, or has otherwise. The skeleton holds names, types and shapes as the file's
 * format writes them; so all of them must be those of every side whose skeleton this is.
 */
export function misfits(merged: Manifest, sides: readonly Manifest[]): Conflict[] {
  const result = layouts(merged);
  const conflicts = new Map<string, Conflict>();
  for (const side of sides) {
    if (!sameSkeleton(side.skeleton, merged.skeleton)) continue;
    const wanted = layouts(side);
    for (const key of new Set([...wanted.keys(), ...result.keys()])) {
      if (wanted.get(key) === result.get(key)) continue;
      const name = key.slice(1);
      const reason = 'it does not fit the rest of the file, which the other side wrote';
      conflicts.set(name, { name, kind: 'skeleton', reason });
    }
  }
  return [...conflicts.values()].sort((a, b) => compareNames(a.name, b.name));
}
