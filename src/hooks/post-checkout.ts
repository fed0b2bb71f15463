/**
 * post-checkout, post-merge, post-rewrite: the work tree has what smudge had to leave.
 *
 * In: the index after git changed the work tree. Out: checkpoints that the filter left are
 * written with bounded memory, store files that it left are linked to their objects, those that
 * git-lfs has copied share their blocks with its objects again, and commits that git made by itself have their objects pinned.
 *
 * A rebase calls post-checkout between the checkout of its new base and its first pick, and goes
 * on with the stat data that it knew before: what the hook changes then stops it. So the hook
 * leaves that to post-rewrite, which comes at the end.
 */
import { inRebase } from '../filter/by-hook';
import { isCallerQuiet } from '../filter/caller';
import { fetchMissing, isSkipping } from '../filter/smudge';
import type { Repository } from '../git/repository';
import type { ProgressEvent } from '../native';
import { leftAsManifest, write } from '../road/checkout';
import { relink } from '../road/dedup';
import { fillStores, pointerFiles } from '../road/fill-store';
import { knownFiles, type Model } from '../road/models';
import { missingObjects } from '../store/missing';
import { pinCommit } from './post-commit';

const ZERO = /^0+$/;

/** Shows how far work is; called at its start with what is done to what. */
export type StartProgress = (
  label: string,
  quiet: boolean,
) => {
  onProgress: (event: ProgressEvent) => void;
  done: () => void;
};

/** `args`: previous HEAD, new HEAD, 1 for a branch checkout. */
export async function postCheckout(
  repo: Repository,
  args: readonly string[],
  progress?: StartProgress,
): Promise<void> {
  const [before = '', after = ''] = args;
  if (inRebase(repo)) return;
  const models = await finish(repo, progress);
  if (before !== after) await relink(repo, ZERO.test(before) ? null : { before, after }, models);
}

/** After a merge or a pull. */
export async function postMerge(repo: Repository, progress?: StartProgress): Promise<void> {
  await pinCommit(repo, 'HEAD');
  const models = await finish(repo, progress);
  await relink(repo, { before: 'ORIG_HEAD', after: 'HEAD' }, models);
}

/** After amend and rebase; `input` has a line `old new` for each commit. */
export async function postRewrite(
  repo: Repository,
  input: string,
  progress?: StartProgress,
): Promise<void> {
  let first = '';
  for (const line of input.split('\n')) {
    const [before = '', commit] = line.split(' ');
    if (!commit) continue;
    first ||= before;
    await pinCommit(repo, commit);
  }
  const models = await finish(repo, progress);
  if (first !== '') await relink(repo, { before: first, after: 'HEAD' }, models);
}

/** Writes what the filter left, unless the user wants manifests; the index's models. */
async function finish(repo: Repository, progress?: StartProgress): Promise<Model[]> {
  const { left, kept } = await leftAsManifest(repo, null);
  const pointers = await pointerFiles(repo);
  const models = [...left, ...kept];
  if (left.length === 0 && pointers.size === 0) return models;
  const configured = (await repo.config('filter.theta.process')) ?? '';
  if (!isSkipping(/\s--skip\b/.test(configured))) {
    const needed = left.flatMap(({ manifest }) => (manifest ? missingObjects(repo, manifest) : []));
    await fetchMissing(repo, needed);
  }
  const ready = left.filter(
    ({ manifest }) => manifest && missingObjects(repo, manifest).length === 0,
  );
  await writeShowing(repo, ready, progress);
  await fillStores(repo, { pointers, models: knownFiles([...ready, ...kept]) });
  return models;
}

/** Writes checkpoints, and shows how far each of them is. */
async function writeShowing(
  repo: Repository,
  models: readonly Model[],
  progress?: StartProgress,
): Promise<void> {
  let shown: ReturnType<StartProgress> | undefined;
  const quiet = isCallerQuiet();
  try {
    await write(repo, models, {
      onModel: (path) => {
        shown?.done();
        shown = progress?.(`Writing ${path}`, quiet);
      },
      onProgress: (event) => shown?.onProgress(event),
    });
  } finally {
    shown?.done();
  }
}
