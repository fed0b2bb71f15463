/**
 * Store files that the work tree has as pointers become the tensors.
 *
 * In: the index. Out: a store file whose pointer stands in the work tree, where the object is here, has the object's
 * bytes, and the index knows so. Left alone: files that are no pointers, pointers of something else than the index has,
 * and those whose objects are absent.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { lsFiles, updateIndex } from '../git/index';
import { blobOid } from '../git/pack';
import type { Repository } from '../git/repository';
import { MAX_POINTER, parsePointer, printPointer } from '../lfs/pointer';
import { findObject } from '../lfs/store';
import type { ObjectRef } from '../manifest';
import type { KnownFile } from '../store/known-files';
import { STORE_FOLDER } from '../store/paths';
import { refreshIndex } from '../store/refresh';
import { parseLinkMode, WorkTreeFiles } from '../store/work-tree';

/** The object whose pointer the work tree has at a path; null when there is something else. */
export function pointerAt(repo: Repository, path: string): ObjectRef | null {
  const file = repo.absolute(path);
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (!stats?.isFile() || stats.size > MAX_POINTER) return null;
  return parsePointer(readFileSync(file));
}

/** The store files that are pointers in the work tree, as the index has them. */
export async function pointerFiles(
  repo: Repository,
  indexFile?: string,
): Promise<Map<string, ObjectRef>> {
  const found = new Map<string, ObjectRef>();
  for (const { path, oid, stage } of await lsFiles(repo, [STORE_FOLDER], { indexFile })) {
    const ref = stage === 0 ? pointerAt(repo, path) : null;
    if (!ref) continue;
    if (blobOid(repo.objectFormat, printPointer(ref)) === oid) found.set(path, ref);
  }
  return found;
}

/**
 * Fills the store files of the work tree; how many.
 *
 * @param o - `pointers`: what {@link pointerFiles} found, if that is known; `models`: checkpoints in the index with
 *   their manifests there, which git need not read again.
 */
export async function fillStores(
  repo: Repository,
  o: {
    indexFile?: string | undefined;
    pointers?: ReadonlyMap<string, ObjectRef>;
    models?: readonly KnownFile[];
  } = {},
): Promise<number> {
  const { indexFile } = o;
  const pointers = o.pointers ?? (await pointerFiles(repo, indexFile));
  const stores = repo.stores();
  const mode = parseLinkMode(await repo.config('theta.storeLink'));
  const files = new WorkTreeFiles(repo.workTree, mode, stores[1] ?? '');
  const filled = new Map<string, ObjectRef>();
  for (const [path, ref] of pointers) {
    const object = findObject(stores, ref);
    if (object === null) continue;
    await files.put(path, object);
    filled.set(path, ref);
  }
  if (filled.size === 0) return 0;
  // The index has the size of the pointer: git never compares a file whose recorded size is wrong.
  const entries = Array.from(filled, ([path, ref]) => ({
    path,
    oid: blobOid(repo.objectFormat, printPointer(ref)),
  }));
  await updateIndex(repo, entries, { indexFile });
  await refreshIndex(repo, filled, { indexFile, models: o.models ?? [] });
  return filled.size;
}
