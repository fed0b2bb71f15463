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
import { type Restaged, restage } from '../road/restage';
import { ensureStoreAttributes } from '../store/attributes';
import { departures, moveAttributes } from './moves';

/** Completes the index. */
export async function preCommit(repo: Repository): Promise<Restaged> {
  const indexFile = callersIndex(repo);
  await moveAttributes(repo, indexFile, await departures(repo, indexFile));
  const done = await restage(repo, indexFile);
  if (done.completed.length > 0) await ensureStoreAttributes(repo, { indexFile, workTree: true });
  return done;
}
