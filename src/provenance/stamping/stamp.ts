/**
 * Writing a stamp into a checkpoint that exists.
 *
 * In: a file, and the repository whose code made it. Out: the same file with a stamp, or a stamp in a file beside it;
 * nothing when the stamp that is there says the same. Tensors are not touched. Refused: what target.ts refuses, files
 * whose stamps contradict themselves, a state that git cannot tell.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import * as native from '../../native';
import { version } from '../../version';
import { type GitStatus, gitStatus } from '../git';
import type { Run, Stamp } from '../stamp';
import { STAMP_SCHEMA } from '../stamp';
import { canonicalJson } from './canonical';
import { codePaths } from './code-paths';
import { contentOf } from './content';
import { refused, unsupported, working } from './failures';
import { append } from './in-place';
import { mergedVersions, parentsIn } from './parents';
import { replace } from './pieces';
import { read, sidecarOf } from './read';
import { refuseSignedInside, steady, type Target, target, unchanged } from './target';

/** Whether Lightning's dict gets something, too: where there is something already, always, or never. */
export type CallbackMode = 'auto' | 'always' | 'never';

/** How {@link stamp} works. */
export interface StampOptions {
  /** A folder of the repository with the code; by default the current one. */
  readonly dir?: string | undefined;
  /** Write into a file beside the checkpoint, `FILE.provenance.json`. */
  readonly sidecar?: boolean | undefined;
  /** Find out what would be written, and write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Also change links, files with several names, and signed files. */
  readonly force?: boolean | undefined;
  /**
   * Append to the file itself, where its format allows that and it has no other name, instead of to a copy that takes its
   * place. A failure puts the bytes of before back; a kill in the midst leaves a file whose end is missing.
   */
  readonly inPlace?: boolean | undefined;
  /** The state of pl-git-callback in a checkpoint of Lightning: the six fields. By default `auto`. */
  readonly lightningCallback?: CallbackMode | undefined;
  /** The state of the code that made the checkpoint; by default that of `dir` now. */
  readonly status?: Pick<GitStatus, 'six' | 'state'> | undefined;
  /** What is known of the run that wrote the checkpoint. */
  readonly run?: Run | undefined;
  /** Uncommitted code, as `snapshot()` kept it. */
  readonly changes?: Stamp['changes'] | undefined;
  /**
   * Keep uncommitted code, untracked files included, as a snapshot that the stamp names, unless `changes` does. It says
   * nothing of models. A dry run makes none.
   */
  readonly snapshot?: boolean | undefined;
  /** Told of the new file right before it takes the place of the old one: then others may move it at once. */
  readonly onPlace?: ((stats: BigIntStats) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: native.ProgressEvent) => void) | undefined;
}

/** What {@link stamp} did. */
export interface StampResult {
  readonly path: string;
  /** Where the stamp is. */
  readonly where: 'file' | 'sidecar';
  /** False when a stamp that says the same was there, and in a dry run. */
  readonly written: boolean;
  /** Why the stamp is beside the file although that was not asked for. */
  readonly because: string | null;
  readonly stamp: Stamp;
}

/**
 * Stamps a checkpoint.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_GIT` (see `gitStatus`), `ERR_THETA_PROVENANCE_REFUSED`,
 *   `ERR_THETA_PROVENANCE_UNSUPPORTED`, `ERR_THETA_PROVENANCE_IO`, `ERR_THETA_CANCELLED`. The file is then as it was.
 */
export async function stamp(path: string, options: StampOptions = {}): Promise<StampResult> {
  const { dir = process.cwd() } = options;
  // git is asked while the file is hashed. What it says comes first: nothing is left running when it fails.
  const code = codeOf(path, dir, options);
  const stop = new AbortController();
  code.catch((error: unknown) => stop.abort(error));
  const signals = options.signal ? [options.signal, stop.signal] : [stop.signal];
  try {
    const signal = AbortSignal.any(signals);
    return await working(path, () => stampFile(path, code, { ...options, signal }));
  } catch (error) {
    await code;
    throw error;
  }
}

/** What a stamp says of the code. */
interface Code extends Pick<GitStatus, 'six' | 'state'> {
  readonly changes: Stamp['changes'];
  readonly paths: Stamp['code_paths'];
}

async function codeOf(path: string, dir: string, options: StampOptions): Promise<Code> {
  const { signal } = options;
  const { six, state } = options.status ?? (await gitStatus(dir, { signal }));
  return working(path, async () => {
    const changes = options.changes ?? (await kept(path, { state }, dir, options));
    return { six, state, changes, paths: await codePaths(dir, state) };
  });
}

/** Keeps uncommitted code, where that is wanted. */
async function kept(
  path: string,
  { state }: Pick<GitStatus, 'state'>,
  dir: string,
  { snapshot, dryRun, signal }: StampOptions,
): Promise<Stamp['changes']> {
  if (!snapshot || dryRun) return undefined;
  // Where the commit is only stated there are no files to keep.
  if (state.source === 'env' && !state.code_dirty) return undefined;
  // A file that cannot be stamped is no reason for a snapshot.
  await native.stampRead(path);
  const { snapshotFor } = await import('../snapshot');
  const made = await snapshotFor(path, { dir, signal });
  if (!made) return undefined;
  if (made.parent !== state.commit)
    throw refused(path, 'something was committed meanwhile', 'Try again.');
  return { snapshot_commit: made.commit, snapshot_ref: made.ref };
}

async function stampFile(
  path: string,
  asked: Promise<Code>,
  options: StampOptions,
): Promise<StampResult> {
  const before = await seen(path);
  const file = await native.stampRead(path);
  if (file.problems.length > 0 && !options.sidecar)
    throw unsupported(path, file.problems.join('; '));
  const beside = options.sidecar === true || file.carrier === null;
  if (!beside) refuseSignedInside(path, file.signed, options.force === true);
  const goal = beside ? before : await target(path, options.force === true);
  await unchanged(before);
  const size = Number(goal.stats.size);
  const [content, merged, code, { report: there }] = await Promise.all([
    steady(goal, () => contentOf(goal.path, file, size, options)),
    mergedVersions(path),
    asked,
    read(path),
  ]);
  // Once stamped, the file is no longer the one that was merged.
  const known = sameTensors(there.stamp?.content, content) ? there.stamp?.parents : undefined;
  const parents = Array.isArray(known) ? known : parentsIn(merged);
  const stamp = bodyOf(code, options.run, content, parents);
  const where = beside ? 'sidecar' : 'file';
  const because = beside && !options.sidecar ? file.because : null;
  const callback = wantsCallback(file, options.lightningCallback ?? 'auto') ? code.six : null;
  const same =
    there.where === where && there.stamp !== null && equal(essence(there.stamp), essence(stamp));
  const left = file.foreign.find(({ source }) => source === 'pl-git-callback')?.fields ?? null;
  const complete = callback === null || equal(left, callback);
  if ((same && complete) || options.dryRun) {
    const shown = same && there.stamp ? there.stamp : stamp;
    return { path, where, written: false, because, stamp: shown };
  }
  if (beside) {
    await unchanged(goal);
    await writeBeside(sidecarOf(path), stamp);
  } else {
    const request = {
      stamp: canonicalJson(stamp),
      commit: code.state.commit,
      key: file.lightning,
      callback,
    };
    const pieces = await steady(goal, () => native.stampPieces(goal.path, request));
    if (!options.inPlace || !(await append(goal, pieces))) await replace(goal, pieces, options);
  }
  return { path, where, written: true, because, stamp };
}

function sameTensors(a: Stamp['content'], b: Stamp['content']): boolean {
  const root = a?.tensor_root?.value;
  return root !== undefined && root === b?.tensor_root?.value;
}

/** A file that is only looked at. */
async function seen(path: string): Promise<Target> {
  const stats = await lstat(path, { bigint: true });
  return stats.isSymbolicLink() ? target(path, true) : { path, stats };
}

/** Six fields are written where they are, or where asked; but never is a dict `callbacks` added. */
function wantsCallback(file: native.StampReport, mode: CallbackMode): boolean {
  if (mode === 'never' || !file.callbacks) return false;
  return mode === 'always' || file.foreign.some(({ source }) => source === 'pl-git-callback');
}

/** Whether two documents are equal. */
function equal(a: object | null, b: object | null): boolean {
  return a !== null && b !== null && canonicalJson(a) === canonicalJson(b);
}

/**
 * What a stamp says but for the time, and for files that are no code: a stamp in a tracked model makes the work tree
 * differ from HEAD, and one beside it is an untracked file.
 */
function essence({ git, compat: _, stamped_at: __, ...rest }: Stamp): object {
  const { dirty: ___, untracked: files, ...code } = git;
  // In a stamp of others it may be anything.
  const { count: ____, ...untracked } = { ...files };
  return { ...rest, git: { ...code, untracked } };
}

function bodyOf(
  { state, six, changes, paths }: Code,
  run: Run | undefined,
  content: NonNullable<Stamp['content']>,
  parents: NonNullable<Stamp['parents']>,
): Stamp {
  return {
    schema: STAMP_SCHEMA,
    tool: { name: 'git-theta', version: version() },
    stamped_at: now(),
    git: state,
    ...(changes ? { changes } : {}),
    ...(paths ? { code_paths: paths } : {}),
    ...(run ? { run } : {}),
    ...(parents.length > 0 ? { parents } : {}),
    content,
    compat: { git_status: six },
  };
}

/** The time, or that of `SOURCE_DATE_EPOCH`, for output that can be made again. */
function now(): string {
  const fixed = process.env.SOURCE_DATE_EPOCH;
  const time = fixed && /^\d{1,11}$/.test(fixed) ? Number(fixed) * 1000 : Date.now();
  return new Date(time).toISOString();
}

async function writeBeside(path: string, stamp: Stamp): Promise<void> {
  const there = await lstat(path).catch(() => null);
  if (there && !there.isFile()) throw refused(path, 'is no regular file', 'Remove it first.');
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify(stamp, null, 2)}\n`, { flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(temporary, { force: true });
    throw error;
  }
}
