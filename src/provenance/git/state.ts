/**
 * The state of a repository at one moment.
 *
 * In: a folder in its work tree. Out: commit, tree and code tree, what differs from the commit, and what makes that
 * less certain. Nothing is written and no lock is taken. A model's content is read only where git itself has to, to
 * tell whether a model whose file was touched has changed. Refused, with code `ERR_THETA_PROVENANCE_NO_GIT`: wherever
 * git cannot tell. Where there is no repository, the environment may state the commit (stated.ts).
 */
import { isThetaError, ThetaError } from '../../errors';
import type { DirtyKind, GitState, SixFields, SubmoduleState } from '../stamp';
import { type Ask, askIn, readable } from './ask';
import { type Change, changesOf, isChange } from './changes';
import { ciHints } from './ci';
import { type CodeTree, codeTree } from './code-tree';
import { operation, overlooked } from './flags';
import { type Location, locate, NoState } from './location';
import { modelsAmong } from './models';
import { askStatus, type Entry, type Porcelain } from './porcelain';
import { type Origin, origin } from './remotes';
import { sixFields } from './six-fields';
import { statedState } from './stated';
import { digestOf } from './untracked';

/** A file of code that differs from HEAD. */
export interface ChangedFile {
  /** From the top of the work tree, with slashes; what is not UTF-8 in it is U+FFFD. */
  readonly path: string;
  /** Sorted. */
  readonly kinds: readonly DirtyKind[];
}

/** What {@link gitStatus} tells. */
export interface GitStatus {
  readonly state: GitState;
  /** The same as pl-git-callback would say it. */
  readonly six: SixFields;
  /** Tracked files that are no models and differ from HEAD. */
  readonly changed: readonly ChangedFile[];
  /** Untracked files that are no models. */
  readonly untracked: readonly string[];
  /** Tracked files of models, those below `.git_theta/` included, that differ from HEAD. */
  readonly models: readonly string[];
}

/** How {@link gitStatus} works. */
export interface GitStatusOptions {
  readonly signal?: AbortSignal | undefined;
}

const MOST_OVERLOOKED = 100;
const ATTEMPTS = 3;

/**
 * The state of the repository that `folder` (by default the current one) is in. Variables such as `GIT_DIR` do not
 * count: the folder says which repository is meant.
 *
 * Outside any repository, or without git, the state is what the variables `GIT_THETA_GIT_COMMIT`,
 * `GIT_THETA_GIT_BRANCH` and `GIT_THETA_GIT_DIRTY` state, with `source: 'env'`.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_GIT` when there is neither, the repository is bare or of another owner,
 *   or git cannot read it; `ERR_THETA_CANCELLED`.
 */
export async function gitStatus(
  folder: string = process.cwd(),
  { signal }: GitStatusOptions = {},
): Promise<GitStatus> {
  try {
    const location = await locate(folder, signal);
    for (let attempt = 1; ; attempt++) {
      const found = await capture(location, signal);
      if (found) return found;
      if (attempt === ATTEMPTS)
        throw new NoState(
          false,
          'another program keeps committing while the state is read',
          'Try again when it has ended.',
        );
    }
  } catch (error) {
    if (isThetaError(error, 'ERR_THETA_CANCELLED') || signal?.aborted)
      throw new ThetaError('ERR_THETA_CANCELLED', 'cancelled', { cause: error });
    const stated = error instanceof NoState && error.absent ? statedState() : null;
    if (!stated) throw unavailable(error);
    return { state: stated, six: sixFields(stated), changed: [], untracked: [], models: [] };
  }
}

function unavailable(error: unknown): unknown {
  if (error instanceof NoState || isThetaError(error)) {
    const { message, hint, cause = error } = error;
    return new ThetaError('ERR_THETA_PROVENANCE_NO_GIT', message, { hint, cause });
  }
  return error;
}

/** What HEAD names. */
interface Head {
  readonly commit: string;
  readonly tree: string;
  readonly commitDate: number;
  readonly authorDate: number;
  readonly describe: string | null;
  readonly code: CodeTree;
}

/** One look; nothing when HEAD moved meanwhile. */
async function capture(location: Location, signal?: AbortSignal): Promise<GitStatus | undefined> {
  const { top } = location;
  const ask = askIn(top, signal);
  const [head, branch, status, hidden, originOf] = await Promise.all([
    askHead(ask, location.objectFormat),
    askBranch(ask),
    askStatus(ask),
    overlooked(ask, top),
    origin(ask),
  ]);
  if ((head?.commit ?? null) !== status.commit) return undefined;
  const changes = status.entries.filter(isChange);
  const models = await modelsAmong(ask, [
    ...changes.map(({ path }) => path),
    ...status.untracked,
    ...hidden,
  ]);
  const isCode = (path: string): boolean => !models.has(path);
  const untracked = status.untracked.filter(isCode);
  const changedCode = changes.filter(({ path }) => isCode(path));
  const changedPaths = [...new Set(changedCode.map(({ path }) => path))];
  const [changed, changedDigest, digest] = await Promise.all([
    changesOf(ask, changedCode),
    digestOf(top, changedPaths, signal),
    digestOf(top, untracked, signal),
  ]);
  const state = describeState({
    location,
    head,
    branch,
    status,
    origin: originOf(branch),
    dirty: changes.length > 0,
    changed,
    changedDigest,
    untracked: { count: status.untracked.length, code_count: untracked.length, digest },
    overlooked: hidden.filter(isCode).slice(0, MOST_OVERLOOKED).map(readable),
  });
  return {
    state,
    six: sixFields(state),
    changed: changed.map(({ path, kinds }) => ({ path: readable(path), kinds: [...kinds].sort() })),
    untracked: untracked.map(readable),
    models: changes.flatMap(({ path }) => (isCode(path) ? [] : [readable(path)])),
  };
}

interface Facts {
  readonly location: Location;
  readonly head: Head | null;
  readonly branch: string | null;
  readonly status: Porcelain;
  readonly origin: Origin;
  readonly dirty: boolean;
  readonly changed: readonly Change[];
  readonly changedDigest: string | null;
  readonly untracked: GitState['untracked'];
  readonly overlooked: readonly string[];
}

function describeState(facts: Facts): GitState {
  const { location, head, branch, status, changed, origin } = facts;
  return {
    source: 'git',
    repo: origin.repo,
    object_format: location.objectFormat,
    empty: head === null,
    commit: head?.commit ?? null,
    tree: head?.tree ?? null,
    code_tree: head?.code.id ?? null,
    branch,
    detached: branch === null && head !== null,
    describe: head?.describe ?? null,
    commit_date: head?.commitDate ?? null,
    author_date: head?.authorDate ?? null,
    dirty: head === null ? null : facts.dirty,
    code_dirty: changed.length > 0,
    dirty_kinds: [...new Set(changed.flatMap(({ kinds }) => [...kinds]))].sort(),
    changed: { count: changed.length, digest: facts.changedDigest },
    untracked: facts.untracked,
    submodules: submodules(head?.code.submodules ?? [], status.entries),
    flags: {
      shallow: location.shallow,
      sparse: origin.sparse,
      partial: origin.partial,
      assume_unchanged: facts.overlooked,
      operation: operation(location.gitDir),
    },
    upstream: status.upstream,
    ci: ciHints(),
  };
}

async function askHead(ask: Ask, format: 'sha1' | 'sha256'): Promise<Head | null> {
  const verify = ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'];
  const { code, text, stderr } = await ask(verify, { mayFail: true });
  const commit = text.trim();
  if (code !== 0 || commit === '') {
    if (stderr.trim() === '') return null;
    throw new NoState(false, `git cannot read HEAD: ${stderr.trim()}`, 'Run `git fsck`.');
  }
  const [log, describe, tree] = await Promise.all([
    ask(['log', '-1', '--no-show-signature', '--no-color', '--format=%T %ct %at', commit]),
    ask(['describe', '--tags', '--always', commit], { mayFail: true }),
    codeTree(ask, commit, format),
  ]);
  const [id = '', commitDate, authorDate] = log.text.trim().split(' ');
  return {
    commit,
    tree: id,
    commitDate: Number(commitDate),
    authorDate: Number(authorDate),
    describe: readable(describe.text.trim()) || null,
    code: tree,
  };
}

/** The branch that HEAD is on; `null` when it is detached. */
async function askBranch(ask: Ask): Promise<string | null> {
  const { text } = await ask(['symbolic-ref', '--quiet', 'HEAD'], { mayFail: true });
  return readable(text.replace(/\n$/, '').replace(/^refs\/heads\//, '')) || null;
}

/** Those of HEAD, and those that were added since. */
function submodules(
  recorded: CodeTree['submodules'],
  entries: readonly Entry[],
): readonly SubmoduleState[] {
  const touched = new Set<string>();
  for (const { path, submodule } of entries)
    if (submodule.startsWith('S')) touched.add(readable(path));
  const known = new Set(recorded.map(({ path }) => path));
  // A conflict, or a file in its place, is told without the letters of a submodule.
  const differ = new Set(entries.map(({ path }) => readable(path)));
  return [
    ...recorded.map(({ path, commit }) => ({ path, commit, dirty: differ.has(path) })),
    ...[...touched]
      .filter((path) => !known.has(path))
      .map((path) => ({ path, commit: null, dirty: true })),
  ];
}
