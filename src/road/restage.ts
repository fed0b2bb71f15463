/**
 * Brings the store trees of an index into agreement with its manifests.
 *
 * In: an index. Out: every model's store entries are those of its manifest, and entries of models
 * that the index no longer has are gone. Plain `git add`, `git rm` and `git mv` touch a model
 * alone; this is what completes them. Models whose store agrees already cost one listing.
 */
import { isTracked } from '../git/attributes';
import { lsFiles } from '../git/index';
import type { Repository } from '../git/repository';
import { manifestObjects } from '../manifest';
import { missingObjects } from '../store/missing';
import { inStore, STORE_FOLDER, storeRoot } from '../store/paths';
import { unpack } from '../store/pins';
import { stageStore } from '../store/stage';
import { type Model, modelsInIndex } from './models';
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
  const wanted = models ?? (await modelsInIndex(repo, null, indexFile));
  const whole = wanted.filter(({ manifest }) => manifest).map(({ path }) => path);
  // First: the store of what is a folder now may have been where a model was.
  const removed = await orphans(repo, indexFile, new Set(whole));
  for (const path of removed) await stageStore(repo, path, null, { indexFile, workTree: true });
  const completed: string[] = [];
  for (const { path, manifest } of wanted) {
    if (!manifest) continue;
    const difference = await compareStore(repo, { indexFile }, path, manifest);
    if (Object.values(difference).flat().length === 0) continue;
    unpack(repo, manifestObjects(manifest));
    // Without its objects (a clone made with --skip-smudge) a store can be staged, not linked.
    const workTree = missingObjects(repo, manifest).length === 0;
    await stageStore(repo, path, manifest, { indexFile, workTree });
    completed.push(path);
  }
  return { completed, removed };
}

/**
 * Paths that have a store in the index but are no model there: gone, a symbolic link, a folder, or
 * a tracked file that is stored as it is. `whole`: paths that are known to have a manifest.
 */
export async function orphans(
  repo: Repository,
  indexFile: string | undefined,
  whole: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const store = (await lsFiles(repo, [STORE_FOLDER], { indexFile })).map(({ path }) => path);
  if (store.length === 0) return [];
  const present = new Set<string>();
  for (const { path, mode, stage } of await lsFiles(repo, [], { indexFile })) {
    if (!inStore(path) && (stage > 0 || mode.startsWith('100'))) present.add(path);
  }
  const files = new Set(store);
  const found = new Set<string>();
  const owners = new Set<string>();
  for (const path of store) {
    const folders = parents(path.slice(STORE_FOLDER.length + 1));
    const owner = folders.find((folder) => present.has(folder));
    if (owner !== undefined) {
      if (!whole.has(owner)) owners.add(owner);
      continue;
    }
    // A store begins at the shallowest folder with a root group, or with pieces.
    const root = folders.find(
      (folder) =>
        files.has(`${storeRoot(folder)}/zarr.json`) ||
        path.startsWith(`${storeRoot(folder)}/.pieces/`),
    );
    if (root !== undefined) found.add(root);
  }
  const tracked = await isTracked(repo, [...owners]);
  const candidates = [...owners].filter((path) => tracked.get(path));
  for (const { path, manifest } of await modelsInIndex(repo, candidates, indexFile)) {
    if (!manifest) found.add(path);
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
