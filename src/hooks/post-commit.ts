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
import { restage } from '../road/restage';
import { compareStore } from '../road/unlisted';
import { pin } from '../store/pins';

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

/** Pins what a commit's tree does not list; the models of the commit whose stores are complete. */
export async function pinCommit(repo: Repository, rev: string): Promise<Model[]> {
  const complete: Model[] = [];
  const models = await modelsInTree(repo, rev);
  const changed = await changedIn(repo, rev);
  for (const model of models.filter(({ path }) => !changed || changed.has(path))) {
    if (!model.manifest) continue;
    const { unlisted } = await compareStore(repo, { rev }, model.path, model.manifest);
    if (unlisted.length === 0) complete.push(model);
    else pin(repo, unlisted);
  }
  return complete;
}

/** Paths that a commit changes. Null for a merge: it may join a manifest with another's store. */
async function changedIn(repo: Repository, rev: string): Promise<Set<string> | null> {
  const { stdout: parents } = await repo.git(['rev-list', '--parents', '-1', rev]);
  if (parents.trim().split(' ').length > 2) return null;
  const args = ['diff-tree', '-r', '-z', '--root', '--no-renames', '--no-commit-id', '--name-only'];
  const { stdout } = await repo.git([...args, rev]);
  return new Set(stdout.split('\0'));
}
