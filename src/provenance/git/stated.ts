/**
 * The state that the environment states, where there is no repository: in a container image, say.
 *
 * In: `GIT_THETA_GIT_COMMIT`, and perhaps `GIT_THETA_GIT_BRANCH` and `GIT_THETA_GIT_DIRTY`. Out: a state with
 * `source: 'env'`, in which nothing else is known. Refused: a commit that is none, a `DIRTY` that is neither yes nor no.
 */
import { ThetaError } from '../../errors';
import type { GitState } from '../stamp';
import { COMMIT, ciHints } from './ci';

type Variables = Readonly<Record<string, string | undefined>>;

const HINT = 'Set it where the code is copied, for example from `git rev-parse HEAD`.';

/** The stated state; `null` when none is. @throws ThetaError `ERR_THETA_PROVENANCE_NO_GIT` */
export function statedState(env: Variables = process.env): GitState | null {
  const commit = env.GIT_THETA_GIT_COMMIT?.trim().toLowerCase();
  if (!commit) return null;
  if (!COMMIT.test(commit)) throw wrong('GIT_THETA_GIT_COMMIT is no commit id in full', HINT);
  const dirty = yesOrNo(env.GIT_THETA_GIT_DIRTY);
  return {
    source: 'env',
    repo: null,
    object_format: commit.length === 64 ? 'sha256' : 'sha1',
    empty: false,
    commit,
    tree: null,
    code_tree: null,
    branch: env.GIT_THETA_GIT_BRANCH || null,
    detached: false,
    describe: null,
    commit_date: null,
    author_date: null,
    dirty,
    // Who states a commit says that the code is that commit's.
    code_dirty: dirty ?? false,
    dirty_kinds: [],
    changed: { count: 0, digest: null },
    untracked: { count: 0, code_count: 0, digest: null },
    submodules: [],
    flags: { shallow: false, sparse: false, partial: false, assume_unchanged: [], operation: null },
    upstream: null,
    ci: ciHints(env),
  };
}

function yesOrNo(value: string | undefined): boolean | null {
  if (!value) return null;
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off)$/i.test(value)) return false;
  throw wrong('GIT_THETA_GIT_DIRTY is neither 1 nor 0', 'Set it to 1 or 0, or not at all.');
}

function wrong(message: string, hint: string): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_NO_GIT', message, { hint });
}
