/**
 * Folders of objects, laid out as Git LFS does: `ab/cd/<oid>`.
 *
 * In: folders and a reference. Out: where the object is. An object counts as present when a regular file of its size is
 * there; whether its bytes are right is for readers to check.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectRef } from '../manifest/types';

/** Where an object is, or would be. */
export function objectPath(store: string, oid: string): string {
  return join(store, oid.slice(0, 2), oid.slice(2, 4), oid);
}

/** Whether a store has an object. */
export function hasObject(store: string, ref: ObjectRef): boolean {
  const found = statSync(objectPath(store, ref.oid), { throwIfNoEntry: false });
  return found?.isFile() === true && found.size === ref.size;
}

/** The object's path in the first store that has it, or null. */
export function findObject(stores: readonly string[], ref: ObjectRef): string | null {
  const store = stores.find((folder) => hasObject(folder, ref));
  return store === undefined ? null : objectPath(store, ref.oid);
}
