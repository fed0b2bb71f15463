/**
 * post-commit: what the commit's own index had, the real index has too; what its tree lacks is
 * pinned.
 *
 * In: HEAD. Out: after a partial commit the real index has the store entries that the commit got
 * from the pre-commit hook. Objects that the commit's manifests name but its tree does not (git
 * made it without the pre-commit hook, as in a rebase) are kept from `git lfs prune`.
 *
 * The index is only ever changed towards HEAD: in the middle of a rebase any other change of it
 * would stop the next pick.
 */
import { callersIndex } from '../filter/previous';
import type { Repository } from '../git/repository';
import { type Model, modelsInIndex, modelsInTree } from '../road/models';
import { pin } from '../road/pins';
import { restage } from '../road/restage';
import { compareStore } from '../road/unlisted';

/** Completes the real index, and pins. */
export async function postCommit(repo: Repository): Promise<void> {
  const complete = await pinCommit(repo, 'HEAD');
  if (complete.length === 0) return;
  const indexFile = callersIndex(repo);
  const wanted = new Map(complete.map((model) => [model.path, model.oid]));
  const staged = await modelsInIndex(repo, [...wanted.keys()], indexFile);
  await restage(
    repo,
    indexFile,
    staged.filter(({ path, oid }) => wanted.get(path) === oid),
  );
}

/** Pins what a commit's tree does not list; the models whose stores are complete. */
export async function pinCommit(repo: Repository, rev: string): Promise<Model[]> {
  const complete: Model[] = [];
  for (const model of await modelsInTree(repo, rev)) {
    if (!model.manifest) continue;
    const { unlisted } = await compareStore(repo, { rev }, model.path, model.manifest);
    if (unlisted.length === 0) complete.push(model);
    else pin(repo, unlisted);
  }
  return complete;
}
