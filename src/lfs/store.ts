/**
 * Folders of objects, laid out as Git LFS does: `ab/cd/<oid>`.
 *
 * In: folders and a reference. Out: where the object is. An object counts as present when a regular file of its size is
 * there; whether its bytes are right is for readers to check.
 */
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

/**
 * Puts an object under its name in a store: a hard link, or a copy where that is not possible, never half a file.
 *
 * @param o - `link: false`: a copy in any case. `copy: false`: a link or nothing.
 * @param temp - folder for the file until it is whole, on the target's file system. Not among Git LFS's objects: what is
 *   there with another name makes `git lfs prune` fail.
 */
export function placeObject(
  source: string,
  target: string,
  temp: string,
  o: { link?: boolean; copy?: boolean } = {},
): void {
  const { link = true, copy = true } = o;
  mkdirSync(dirname(target), { recursive: true });
  // A link is whole at once; only what is in its place already has to be replaced.
  if (link && linked(source, target)) return;
  const temporary = join(temp, `${basename(target)}.${process.pid}.tmp`);
  rmSync(temporary, { force: true });
  try {
    if (!link || !linked(source, temporary)) {
      if (!copy) return;
      copyFileSync(source, temporary);
    }
    renameSync(temporary, target);
  } finally {
    // Renaming one link over another of the same file leaves both.
    rmSync(temporary, { force: true });
  }
}

function linked(source: string, target: string): boolean {
  try {
    linkSync(source, target);
    return true;
  } catch {
    return false;
  }
}
