/**
 * The gate before training: is the code committed?
 *
 * In: a folder and how strict to be. Out: what is wrong, and the state; on demand the files of log-folder.ts. Models
 * are no code: those that differ from HEAD are no problem. Refused: a state that git cannot tell, unknown settings.
 */
import { isThetaError, ThetaError } from '../errors';
import { getConfig } from '../git/config';
import { type GitStatus, gitStatus } from './git';
import { writeLogFiles } from './log-folder';
import type { GitState, SixFields } from './stamp';

const MODES = ['relaxed', 'strict'] as const;
const UNTRACKED = ['ignore', 'warn', 'fail'] as const;

/** `strict`: what is wrong is an error. `relaxed`: a warning. */
export type CheckMode = (typeof MODES)[number];
/** What untracked files of code are: nothing, a warning, or as wrong as uncommitted changes. */
export type UntrackedPolicy = (typeof UNTRACKED)[number];

/** How {@link check} works. */
export interface CheckOptions {
  /** A folder of the repository; by default the current one. */
  readonly dir?: string | undefined;
  /** By default `theta.provenance.mode` of git's configuration, else `relaxed`. */
  readonly mode?: CheckMode | undefined;
  /** By default `theta.provenance.untracked`, else `warn`. */
  readonly untracked?: UntrackedPolicy | undefined;
  /** Where `git_info.json` and `provenance.json` are written when the check passes. */
  readonly logDir?: string | undefined;
  /** Write `git-status.json` there, too. */
  readonly compat?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One finding. */
export interface CheckProblem {
  /**
   * `empty`: no commit yet. `dirty`: code differs from HEAD. `untracked`: code that git does not know. `overlooked`:
   * git is told not to look at these paths. `operation`: git is in the middle of something.
   */
  readonly code: 'empty' | 'dirty' | 'untracked' | 'overlooked' | 'operation';
  readonly level: 'error' | 'warning';
  readonly message: string;
  /** The first of the paths concerned. */
  readonly paths: readonly string[];
}

/** What {@link check} tells. */
export interface CheckReport {
  /** No problem is an error; in relaxed mode none is. */
  readonly ok: boolean;
  readonly mode: CheckMode;
  readonly problems: readonly CheckProblem[];
  readonly state: GitState;
  readonly six: SixFields;
  /** The files that were written. */
  readonly written: readonly string[];
}

const MOST_PATHS = 100;

/**
 * Checks that the code is committed.
 *
 * Uncommitted code is reported, not thrown.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_GIT` in either mode when git cannot tell the state (see
 *   {@link gitStatus}); `ERR_THETA_USAGE` for an unknown mode or policy; `ERR_THETA_PROVENANCE_REFUSED` for a link
 *   in the place of a log file; `ERR_THETA_PROVENANCE_IO` when one cannot be written; `ERR_THETA_CANCELLED`.
 */
export async function check(options: CheckOptions = {}): Promise<CheckReport> {
  const { dir = process.cwd(), logDir, compat, signal } = options;
  const status = await gitStatus(dir, { signal });
  const [mode, untracked] = await Promise.all([
    setting(dir, 'mode', options.mode, MODES, 'relaxed'),
    setting(dir, 'untracked', options.untracked, UNTRACKED, 'warn'),
  ]);
  const problems = [...findings(status, mode === 'strict' ? 'error' : 'warning', untracked)];
  const ok = problems.every(({ level }) => level !== 'error');
  const { state, six } = status;
  const written =
    ok && logDir !== undefined ? await writeLogFiles(logDir, { state, six, compat }) : [];
  return { ok, mode, problems, state, six, written };
}

function* findings(
  { state, changed, untracked }: GitStatus,
  level: CheckProblem['level'],
  policy: UntrackedPolicy,
): Generator<CheckProblem> {
  if (state.empty) {
    yield { code: 'empty', level, message: 'there is no commit yet', paths: [] };
  } else if (state.code_dirty) {
    yield {
      code: 'dirty',
      level,
      message: dirtyMessage(state, changed.length),
      paths: changed.slice(0, MOST_PATHS).map(({ path }) => path),
    };
  }
  if (policy !== 'ignore' && untracked.length > 0) {
    yield {
      code: 'untracked',
      level: policy === 'fail' ? level : 'warning',
      message: `${untracked.length === 1 ? 'a file is' : `${untracked.length} files are`} neither tracked nor ignored`,
      paths: untracked.slice(0, MOST_PATHS),
    };
  }
  const { assume_unchanged: overlooked, operation } = state.flags;
  if (overlooked.length > 0) {
    yield {
      code: 'overlooked',
      level: 'warning',
      message: 'git is told to overlook changes of these files (assume-unchanged, skip-worktree)',
      paths: overlooked,
    };
  }
  if (operation !== null) {
    const message = `git is in the middle of a ${operation}`;
    yield { code: 'operation', level: 'warning', message, paths: [] };
  }
}

function dirtyMessage({ source, dirty_kinds }: GitState, count: number): string {
  if (source === 'env') return 'code differs from its commit, as GIT_THETA_GIT_DIRTY states';
  const kinds = dirty_kinds.join(', ');
  return `${count === 1 ? 'a file of code differs' : `${count} files of code differ`} from the commit (${kinds})`;
}

async function setting<T extends string>(
  dir: string,
  name: string,
  given: T | undefined,
  allowed: readonly T[],
  otherwise: T,
): Promise<T> {
  const key = `theta.provenance.${name}`;
  const value = given ?? (await configured(key, dir)) ?? otherwise;
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  const what = given === undefined ? key : name;
  throw new ThetaError('ERR_THETA_USAGE', `${what} is '${value}'`, {
    hint: `It is one of ${allowed.join(', ')}.`,
  });
}

/** Where the environment states the commit there may be no git to ask. */
async function configured(key: string, dir: string): Promise<string | null> {
  try {
    return await getConfig(key, { cwd: dir });
  } catch (error) {
    if (isThetaError(error, 'ERR_THETA_GIT_MISSING')) return null;
    throw error;
  }
}
