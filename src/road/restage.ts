/**
 * Brings the store trees of an index into agreement with its manifests.
 *
 * In: an index. Out: every model's store entries are those of its manifest, and entries of models
 * that the index no longer has are gone. Plain `git add`, `git rm` and `git mv` touch a model
 * alone; this is what completes them. Models whose store agrees already cost one listing.
 */
import { lsFiles } from '../git/index';
import type { Repository } from '../git/repository';
import { missingObjects } from '../store/missing';
import { STORE_FOLDER, storeRoot } from '../store/paths';
import { stageStore } from '../store/stage';
import { inStore, type Model, modelsInIndex } from './models';
import { compareStore } from './unlisted';

/** What was done. */
export interface Restaged {
  /** Models whose store was completed. */
  readonly completed: string[];
  /** Models that are gone, and whose stores were removed. */
  readonly removed: string[];
}

/** Completes the stores of these models, or of all models in the index. */
export async function restage(
  repo: Repository,
  indexFile: string | undefined,
  models?: readonly Model[],
): Promise<Restaged> {
  const completed: string[] = [];
  for (const { path, manifest } of models ?? (await modelsInIndex(repo, null, indexFile))) {
    if (!manifest) continue;
    const { unlisted, surplus } = await compareStore(repo, { indexFile }, path, manifest);
    if (unlisted.length === 0 && surplus.length === 0) continue;
    // Without its objects (a clone made with --skip-smudge) a store can be staged, not linked.
    const workTree = missingObjects(repo, manifest).length === 0;
    await stageStore(repo, path, manifest, { indexFile, workTree });
    completed.push(path);
  }
  const removed = await orphans(repo, indexFile);
  for (const path of removed) await stageStore(repo, path, null, { indexFile, workTree: true });
  return { completed, removed };
}

/** Model paths that have a store in the index but no entry of their own. */
export async function orphans(repo: Repository, indexFile: string | undefined): Promise<string[]> {
  const store = (await lsFiles(repo, [STORE_FOLDER], { indexFile })).map(({ path }) => path);
  if (store.length === 0) return [];
  const { stdout } = await repo.git(['ls-files', '-z'], { indexFile });
  const present = new Set(stdout.split('\0').filter((path) => !inStore(path)));
  const files = new Set(store);
  const found = new Set<string>();
  for (const path of store) {
    const folders = parents(path.slice(STORE_FOLDER.length + 1));
    if (folders.some((folder) => present.has(folder))) continue;
    // A store begins at the shallowest folder with a root group, or with pieces.
    const root = folders.find(
      (folder) =>
        files.has(`${storeRoot(folder)}/zarr.json`) ||
        path.startsWith(`${storeRoot(folder)}/.pieces/`),
    );
    if (root !== undefined) found.add(root);
  }
  return [...found];
}

/** `a`, `a/b` for `a/b/c`. */
function parents(path: string): string[] {
  const found: string[] = [];
  for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1)) {
    found.push(path.slice(0, end));
  }
  return found;
}
