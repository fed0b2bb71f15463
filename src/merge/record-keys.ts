/**
 * When two records of manifests are equal, and when they mean the same.
 *
 * Records come from the parser or the printer, whose objects have their keys in canonical order: equal records have equal
 * JSON. A record's value is what its hash covers, and how the array lies in memory; chunks, fill and metadata are only
 * how the value is stored.
 */
import type { GroupRecord, SkeletonRecord, StorageRecord, TensorRecord } from '../manifest';
import type { Keys } from './three-way';

const exact = (record: object): string => JSON.stringify(record);

/** A tensor's name, type, shape, order and place: everything that the skeleton relies on. */
export function layoutKey(record: TensorRecord): string {
  const { tensor, dtype, shape, order, same, view } = record;
  return JSON.stringify([tensor, dtype, shape, order, same, view]);
}

/** Tensors. */
export const TENSOR: Keys<TensorRecord> = {
  exact,
  value: (record) => `${layoutKey(record)}${record.hash}`,
};

/** Storages that no tensor covers. */
export const STORAGE: Keys<StorageRecord> = {
  exact,
  value: ({ storage, size, hash }) => JSON.stringify([storage, size, hash]),
};

/** Everything that is not a tensor. */
export const SKELETON: Keys<SkeletonRecord> = {
  exact,
  value: ({ size, hash }) => JSON.stringify([size, hash]),
};

/** A group is its name: whatever its metadata looks like, it says no more. */
export const GROUP: Keys<GroupRecord> = { exact, value: ({ group }) => JSON.stringify(group) };

/** Names of formats and the like. */
export const TEXT: Keys<string> = { exact: JSON.stringify, value: JSON.stringify };
