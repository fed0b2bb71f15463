/**
 * A store after a merge: whether it is what its model says, and how it becomes that.
 *
 * In: a model in the index. Out: the store's entries in the index, and its files in the work tree. Objects that are not
 * here (checkpoints are left as manifests) are no obstacle: their files are pointers then, as git-lfs leaves them.
 */
import { rmSync } from 'node:fs';
import { lsFiles } from '../git/index';
import type { Repository } from '../git/repository';
import type { Manifest } from '../manifest';
import { compareStore } from '../road/unlisted';
import { missingObjects } from '../store/missing';
import { storeRoot } from '../store/paths';
import { stageStore } from '../store/stage';

/** Whether the index has the store that the model names. A model without a manifest has no store to compare. */
export async function storeAgrees(
  repo: Repository,
  path: string,
  manifest: Manifest | null,
): Promise<boolean> {
  if (!manifest) return true;
  const place = { indexFile: undefined };
  const { unlisted, surplus } = await compareStore(repo, place, path, manifest);
  return unlisted.length + surplus.length === 0;
}

/** Stages a model's store, and brings its files into the work tree. */
export async function repairStore(
  repo: Repository,
  path: string,
  manifest: Manifest | null,
): Promise<void> {
  if (!manifest || missingObjects(repo, manifest).length === 0) {
    await stageStore(repo, path, manifest, { workTree: true });
    return;
  }
  const root = storeRoot(path);
  const entries = async () => new Set((await lsFiles(repo, [root])).map((entry) => entry.path));
  const before = await entries();
  await stageStore(repo, path, manifest, { workTree: false });
  const after = await entries();
  for (const file of before) if (!after.has(file)) rmSync(repo.absolute(file), { force: true });
  await repo.git(['checkout', '--quiet', '--force', '--', `:(top,literal)${root}`], {
    env: { GIT_LFS_SKIP_SMUDGE: '1' },
  });
}
