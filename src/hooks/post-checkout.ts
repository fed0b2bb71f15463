/**
 * post-checkout, post-merge, post-rewrite: the work tree has what smudge had to leave.
 *
 * In: the index after git changed the work tree. Out: checkpoints above `theta.smudgeLimit` are
 * written with bounded memory, the store files that git-lfs has just copied share their blocks
 * with its objects again, and commits that git made by itself have their objects pinned.
 *
 * A rebase calls post-checkout between the checkout of its new base and its first pick, and goes
 * on with the stat data that it knew before: what the hook changes then stops it. So the hook
 * leaves that to post-rewrite, which comes at the end.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchMissing, smudgePolicy } from '../filter/smudge';
import type { Repository } from '../git/repository';
import { leftAsManifest, write } from '../road/checkout';
import { relink } from '../road/dedup';
import { missingObjects } from '../store/missing';
import { pinCommit } from './post-commit';

const ZERO = /^0+$/;

/** `args`: previous HEAD, new HEAD, 1 for a branch checkout. */
export async function postCheckout(repo: Repository, args: readonly string[]): Promise<void> {
  const [before = '', after = ''] = args;
  if (['rebase-merge', 'rebase-apply'].some((name) => existsSync(join(repo.gitDir, name)))) return;
  await finish(repo);
  if (before !== after) await relink(repo, ZERO.test(before) ? null : { before, after });
}

/** After a merge or a pull. */
export async function postMerge(repo: Repository): Promise<void> {
  await pinCommit(repo, 'HEAD');
  await finish(repo);
  await relink(repo, { before: 'ORIG_HEAD', after: 'HEAD' });
}

/** After amend and rebase; `input` has a line `old new` for each commit. */
export async function postRewrite(repo: Repository, input: string): Promise<void> {
  let first = '';
  for (const line of input.split('\n')) {
    const [before = '', commit] = line.split(' ');
    if (!commit) continue;
    first ||= before;
    await pinCommit(repo, commit);
  }
  await finish(repo);
  if (first !== '') await relink(repo, { before: first, after: 'HEAD' });
}

/** Writes what was too large for the filter, unless the user wants manifests. */
async function finish(repo: Repository): Promise<void> {
  const { left } = await leftAsManifest(repo, null);
  if (left.length === 0) return;
  const configured = (await repo.config('filter.theta.process')) ?? '';
  const policy = await smudgePolicy(repo, /\s--skip\b/.test(configured));
  if (!policy.skip) {
    const needed = left.flatMap(({ manifest }) => (manifest ? missingObjects(repo, manifest) : []));
    await fetchMissing(repo, needed);
  }
  const ready = left.filter(
    ({ manifest }) => manifest && missingObjects(repo, manifest).length === 0,
  );
  await write(repo, ready);
}
