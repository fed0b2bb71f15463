/**
 * pre-commit: the commit that is about to be made has the stores that its manifests name.
 *
 * In: the index that git uses for this commit (a partial commit has one of its own). Out: that
 * index is completed: store entries of models that were staged by plain `git add`, stores and
 * attribute lines of models that were moved or removed. A commit made by `git theta add` needs
 * nothing of this.
 */
import { callersIndex } from '../filter/previous';
import type { Repository } from '../git/repository';
import { hasObject } from '../lfs/store';
import { manifestObjects } from '../manifest';
import { modelsInIndex, modelsInTree } from '../road/models';
import { recover } from '../road/repair';
import { type Restaged, restage } from '../road/restage';
import { ensureStoreAttributes } from '../store/attributes';
import { departures, moveAttributes } from './moves';

/** Completes the index. */
export async function preCommit(repo: Repository): Promise<Restaged> {
  const indexFile = callersIndex(repo);
  await moveAttributes(repo, indexFile, await departures(repo, indexFile));
  await recoverStaged(repo, indexFile);
  const done = await restage(repo, indexFile);
  if (done.completed.length > 0) await ensureStoreAttributes(repo, { indexFile, workTree: true });
  return done;
}

/**
 * Brings back what `git lfs prune` has deleted since it was staged: it does not look at indexes.
 * What HEAD has too may be absent on purpose.
 */
async function recoverStaged(repo: Repository, indexFile: string | undefined): Promise<void> {
  const lacking = (await modelsInIndex(repo, null, indexFile)).filter(
    ({ manifest }) =>
      manifest && manifestObjects(manifest).some((ref) => !hasObject(repo.objectsDir, ref)),
  );
  if (lacking.length === 0) return;
  const committed = new Map((await modelsInTree(repo, 'HEAD')).map(({ path, oid }) => [path, oid]));
  await recover(
    repo,
    lacking.filter(({ path, oid }) => committed.get(path) !== oid),
  );
}
