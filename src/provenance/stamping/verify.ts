/**
 * Whether a checkpoint fits the code that is here, and is what was stamped.
 *
 * In: a file with a stamp, ours or that of pl-git-callback, and a repository. Out: one result for each thing that was
 * looked at. Branches, dates and counts are never compared. What the stamp does not record is `unknown`, not wrong.
 * A stamp that nobody signed is a claim of who could write the file. Refused: files without any stamp, and stamps that
 * are damaged or contradict themselves.
 */
import { basename, dirname } from 'node:path';
import { ThetaError } from '../../errors';
import type { WorkOptions } from '../../native';
import { type GitStatus, gitStatus } from '../git';
import { askIn } from '../git/ask';
import { isObjectId } from '../open';
import { isSigned } from '../signing/signed';
import { FOLDER_SIGNATURE } from '../signing/target';
import type { GitState, SixFields, Stamp } from '../stamp';
import { idsOf } from './code-paths';
import { contentOf } from './content';
import { noStamp, unsupported, working } from './failures';
import { read } from './read';
import { steady, target, unchanged } from './target';

/** Git is asked about each path that a stamp names. */
const MOST_PATHS = 1000;

/** What of the code has to be the same. */
export const MATCH_LEVELS = ['code', 'commit', 'tree', 'paths', 'ancestor', 'reachable'] as const;
/**
 * `code`: the tree without models. `commit`: the commit. `tree`: the whole tree. `paths`: what
 * `theta.provenance.codePath` names. `ancestor`: the commit is HEAD or before it. `reachable`: the commit is in a
 * branch or tag here.
 */
export type MatchLevel = (typeof MATCH_LEVELS)[number];

/** One thing that was looked at. */
export interface VerifyResult {
  /**
   * `code`: is it the same? `changes`: is the code here committed? `training`: was it committed when the checkpoint was
   * made? `content`: are the tensors those that were stamped? `integrity`: is the rest of the file? `signature`, where
   * one covers the file or is asked for: does it hold?
   */
  readonly check: 'code' | 'changes' | 'training' | 'content' | 'integrity' | 'signature';
  readonly result: 'ok' | 'failed' | 'unknown';
  readonly message: string;
}

/** What {@link verifyStamp} tells. */
export interface VerifyReport {
  readonly path: string;
  /** Nothing failed; in relaxed mode, neither content, integrity nor signature. */
  readonly ok: boolean;
  readonly mode: 'strict' | 'relaxed';
  readonly match: MatchLevel;
  readonly results: readonly VerifyResult[];
  /** The commit that the stamp names. */
  readonly commit: string | null;
}

/** How {@link verifyStamp} works. */
export interface VerifyOptions extends WorkOptions {
  /** A folder of the repository; by default the current one. */
  readonly dir?: string | undefined;
  /** Whether other code is an error. By default `relaxed`. */
  readonly mode?: 'strict' | 'relaxed' | undefined;
  /** By default `code`. */
  readonly match?: MatchLevel | undefined;
  /** Leave out content and integrity, for which the whole file is read. */
  readonly quick?: boolean | undefined;
  /** A PEM file with the public key that must have signed the file, or the folder that it is in. */
  readonly publicKey?: string | undefined;
  /** PEM files with the roots that the certificate of the signer must lead to. */
  readonly roots?: readonly string[] | undefined;
}

/** Results that are errors in both modes: they say that somebody changed the file. */
const ALWAYS: ReadonlySet<VerifyResult['check']> = new Set(['content', 'integrity', 'signature']);

const result = (
  check: VerifyResult['check'],
  ok: boolean | null,
  message: string,
): VerifyResult => ({ check, result: ok === null ? 'unknown' : ok ? 'ok' : 'failed', message });

/**
 * Verifies the stamp of a checkpoint.
 *
 * What does not fit is reported, not thrown.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_STAMP`, `ERR_THETA_PROVENANCE_NO_GIT`,
 *   `ERR_THETA_PROVENANCE_UNSUPPORTED`, `ERR_THETA_PROVENANCE_IO`; `ERR_THETA_USAGE` for an unknown level.
 */
export async function verifyStamp(
  path: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const { dir = process.cwd(), mode = 'relaxed', match = 'code', quick, signal } = options;
  if (!MATCH_LEVELS.includes(match))
    throw new ThetaError('ERR_THETA_USAGE', `there is no level '${match}'`, {
      hint: `Levels are ${MATCH_LEVELS.join(', ')}.`,
    });
  return working(path, async () => {
    const { report, file } = await read(path);
    const { stamp, six, problems } = report;
    if (problems.length > 0) throw unsupported(path, problems.join('; '));
    if (!stamp && !six) throw noStamp(path, nearbyHint(report.nearby));
    const status = await gitStatus(dir, { signal });
    const was = stamp ? stamp.git : ofSix(six as SixFields);
    const results = [
      await codeResult(was, stamp, status.state, match, dir),
      changesResult(status, was),
      trainingResult(was, stamp),
    ];
    if (file && !quick) results.push(...(await contentResults(path, stamp, options)));
    results.push(...(await signatureResults(path, options)));
    const fatal = (found: VerifyResult) =>
      found.result === 'failed' && (mode === 'strict' || ALWAYS.has(found.check));
    const named: unknown = was.commit;
    const commit = typeof named === 'string' ? named : null;
    return { path, ok: !results.some(fatal), mode, match, results, commit };
  });
}

function nearbyHint(nearby: { readonly path: string } | null): string | undefined {
  return nearby ? `'${nearby.path}' may be of the same run.` : undefined;
}

/** The six fields as a state that says no more than they do. */
function ofSix({ commit_hash, dirty, empty }: SixFields): Partial<GitState> {
  return {
    commit: commit_hash,
    ...(empty === null ? {} : { empty }),
    ...(dirty === null ? {} : { dirty }),
  };
}

async function codeResult(
  was: Partial<GitState>,
  stamp: Stamp | null,
  now: GitState,
  level: MatchLevel,
  dir: string,
): Promise<VerifyResult> {
  const { commit } = was;
  if (!commit) return result('code', false, 'the stamp names no commit');
  // Whoever could write the file wrote it: what is no id is neither given to git nor put into words.
  if (!isObjectId(commit)) return result('code', false, 'the stamp names what is no commit');
  const same = (name: string, before: unknown, here: string | null): VerifyResult => {
    if (!isObjectId(before)) return result('code', false, `the stamp names what is no ${name}`);
    return before === here
      ? result('code', true, `the same ${name}, ${here}`)
      : result('code', false, `${name} is ${before} in the stamp, ${here ?? 'none'} here`);
  };
  switch (level) {
    case 'code':
      if (stamp?.changes && stamp.changes.snapshot_commit === now.commit)
        return result('code', true, `HEAD is the snapshot of that code, ${now.commit}`);
      if (was.code_tree && now.code_tree) return same('code tree', was.code_tree, now.code_tree);
      return same('commit', commit, now.commit);
    case 'commit':
      return same('commit', commit, now.commit);
    case 'tree':
      if (!was.tree) return result('code', null, 'tree: not recorded');
      return same('tree', was.tree, now.tree);
    case 'paths':
      return pathsResult(stamp?.code_paths, now, dir);
    case 'ancestor': {
      const { code } = await askIn(dir)(['merge-base', '--is-ancestor', commit, 'HEAD'], {
        mayFail: true,
      });
      const text = code === 0 ? 'is HEAD or before it' : 'is not before HEAD, or not known here';
      return result('code', code === 0, `commit ${commit} ${text}`);
    }
    case 'reachable': {
      const args = ['for-each-ref', '--count=1', `--contains=${commit}`, '--format=%(refname)'];
      const { code, text } = await askIn(dir)(args, { mayFail: true });
      const where = code === 0 ? text.trim() : '';
      return result(
        'code',
        where !== '',
        `commit ${commit} is in ${where || 'no branch or tag here'}`,
      );
    }
  }
}

async function pathsResult(
  paths: Stamp['code_paths'],
  now: GitState,
  dir: string,
): Promise<VerifyResult> {
  if (!paths) return result('code', null, 'paths: not recorded; set theta.provenance.codePath');
  if (now.commit === null) return result('code', false, 'there is no commit here');
  const names = Object.keys(paths);
  if (typeof paths !== 'object' || names.length > MOST_PATHS)
    return result('code', false, `the stamp has no list of at most ${MOST_PATHS} paths`);
  const here = await idsOf(dir, now.commit, names);
  const other = names.filter((path) => paths[path] !== here[path]);
  const text = other.length === 0 ? 'the same code paths' : `other code in ${other.join(', ')}`;
  return result('code', other.length === 0, text);
}

function changesResult({ state, changed }: GitStatus, was: Partial<GitState>): VerifyResult {
  if (!state.code_dirty) return result('changes', true, 'the code here is committed');
  const { digest } = state.changed;
  const same = digest !== null && digest === was.changed?.digest;
  const where = changed.length === 1 ? 'a file' : `${changed.length} files`;
  const then = same ? ', the same as when it was stamped' : '';
  return result('changes', false, `the code here has uncommitted changes in ${where}${then}`);
}

function trainingResult(was: Partial<GitState>, stamp: Stamp | null): VerifyResult {
  if (stamp?.run?.changed_during_run)
    return result('training', false, 'the code changed during the run');
  const dirty = was.code_dirty ?? was.dirty;
  if (was.empty) return result('training', false, 'there was no commit');
  if (dirty === undefined || dirty === null)
    return result('training', null, 'changes: not recorded');
  if (!dirty) return result('training', true, 'the code was committed when it was stamped');
  const snapshot = stamp?.changes?.snapshot_commit;
  const kept = isObjectId(snapshot) ? `, kept in snapshot ${snapshot}` : '';
  return result('training', false, `the code had uncommitted changes${kept}`);
}

async function contentResults(
  path: string,
  stamp: Stamp | null,
  options: VerifyOptions,
): Promise<VerifyResult[]> {
  const recorded = stamp?.content;
  if (!recorded) return [result('content', null, 'content: not recorded')];
  const goal = await target(path, true);
  const { file } = await read(path);
  if (!file) return [];
  const size = Number(goal.stats.size);
  const now = await steady(goal, () => contentOf(goal.path, file, size, options));
  await unchanged(goal);
  const root = recorded.tensor_root?.value;
  const all = recorded.tensor_root_all;
  const same = root === now.tensor_root?.value && (!all || all === now.tensor_root_all);
  const results = [
    root === undefined
      ? result('content', null, 'content: not recorded')
      : result(
          'content',
          same,
          same ? 'the tensors are those that were stamped' : 'other tensors than were stamped',
        ),
  ];
  if (recorded.file_base?.sha256 === undefined) return results;
  const whole = recorded.file_base.sha256 === now.file_base.sha256;
  results.push(
    file.removable || file.stamp === null
      ? result(
          'integrity',
          whole,
          whole
            ? 'without its stamp the file is that of before'
            : 'the file is another one than was stamped',
        )
      : result('integrity', null, 'another program wrote the file anew'),
  );
  return results;
}

/** Whether the file, or the folder that it is in, is as somebody whom the caller trusts signed it. */
async function signatureResults(
  path: string,
  { publicKey, roots, signal }: VerifyOptions,
): Promise<VerifyResult[]> {
  const trusts = publicKey !== undefined || roots !== undefined;
  const signature = await isSigned(path);
  if (signature === undefined)
    return trusts ? [result('signature', false, 'no signature covers the file')] : [];
  if (!trusts)
    return [result('signature', null, `signed by '${signature}', not verified without a key`)];
  const signed = basename(signature) === FOLDER_SIGNATURE ? dirname(signature) : path;
  // Certificates are of no interest to most.
  const { verifySignature } = await import('../signing/verify');
  const { ok, problems, signer, fingerprint } = await verifySignature(signed, {
    signature,
    publicKey,
    roots,
    signal,
  });
  const who = signer ? signer.subject : `the key ${fingerprint}`;
  const wrong = problems.map(({ message }) => message).join('; ');
  return [result('signature', ok, ok ? `as signed by ${who}` : `'${signature}': ${wrong}`)];
}
