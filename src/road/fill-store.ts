/**
 * Store files that Git LFS left as pointers become the tensors.
 *
 * In: models of the index. Out: where a model's objects are all here, its store files in the work
 * tree have their bytes, and the index knows so. Left alone: a store that is not its manifest's in
 * the index, and files that are no pointers.
 */
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import type { Repository } from '../git/repository';
import { MAX_POINTER, parsePointer } from '../lfs/pointer';
import { missingObjects } from '../store/missing';
import { type StoreFile, storeFiles } from '../store/paths';
import { stageStore } from '../store/stage';
import type { Model } from './models';
import { compareStore } from './unlisted';

/** Whether the work tree has the pointer of this file in place of the file. */
export function isPointerOf(repo: Repository, { path, oid }: StoreFile): boolean {
  const file = repo.absolute(path);
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (!stats?.isFile() || stats.size > MAX_POINTER) return false;
  return parsePointer(readFileSync(file))?.oid === oid;
}

/** Fills the stores of these models. */
export async function fillStores(
  repo: Repository,
  models: readonly Model[],
  indexFile?: string,
): Promise<void> {
  for (const { path, manifest } of models) {
    if (!manifest || missingObjects(repo, manifest).length > 0) continue;
    const pointers = storeFiles(manifest, path).filter((file) => isPointerOf(repo, file));
    if (pointers.length === 0) continue;
    const { unlisted, surplus } = await compareStore(repo, { indexFile }, path, manifest);
    if (unlisted.length > 0 || surplus.length > 0) continue;
    for (const file of pointers) rmSync(repo.absolute(file.path));
    await stageStore(repo, path, manifest, { indexFile, workTree: true });
  }
}
