/**
 * From a checkpoint back to the code that made it.
 *
 * In: a file with a stamp, ours or the six fields of pl-git-callback, and a repository. Out: the commit, whether it is
 * here, what took its place if not, how far HEAD has moved, what of the code changed since, and commands that give the
 * code back. All that a stamp says was said by whoever could write the file: git is asked about ids in full only, and no
 * command contains anything else of a stamp. Refused: files without a stamp.
 */
import { realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { readable, records } from '../git/ask';
import { redactUrl } from '../git/redact';
import { type OpenRepository, openRepository } from '../open';
import { NAMESPACE, snapshotsOf } from '../snapshot';
import { type Claims, claimsOf } from './claims';
import {
  type CodeChanges,
  type CommitFacts,
  codeChanges,
  type Distance,
  distance,
  factsOf,
  headOf,
  isCommit,
} from './commits';
import { findSuccessor, type Likeness } from './rewritten';

/** How {@link trace} works. */
export interface TraceOptions {
  /** A folder of the repository; by default the current one. */
  readonly dir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link trace} finds. */
export interface Trace {
  readonly path: string;
  /** The commit that the stamp names; `null` when there was none. */
  readonly commit: string | null;
  /** The remote that the stamp names. */
  readonly repo: string | null;
  /** Whether code was uncommitted, as the stamp says; of the six fields, whether anything was. */
  readonly dirty: boolean | null;
  /** The commit, if it is here. */
  readonly found: CommitFacts | null;
  /** The commit of the present history that took its place, if no branch or tag has it. */
  readonly rewritten: { readonly by: Likeness; readonly found: CommitFacts } | null;
  /** Of a checkpoint that git merged: commits of the code of the versions that were merged. */
  readonly parents: readonly string[];
  /** The uncommitted code that the stamp names. */
  readonly snapshot: {
    readonly commit: string;
    readonly ref: string;
    readonly here: boolean;
  } | null;
  /** How far HEAD is from the commit, or from what took its place. `null` when one of them is not here. */
  readonly head: (Distance & { readonly commit: string }) | null;
  /** What of the code differs in HEAD, from the first that is here: snapshot, commit, what took its place. */
  readonly code: CodeChanges | null;
  /** The command, word by word, that makes a folder with the code; `null` when it is not here. */
  readonly checkout: readonly string[] | null;
  /** Commands that may get what is not here. Empty when nothing is missing, or no remote fits. */
  readonly fetch: readonly (readonly string[])[];
}

/**
 * Traces a checkpoint back to its code.
 *
 * What is not here is reported, not thrown.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_STAMP`, `ERR_THETA_PROVENANCE_NO_GIT`; `ERR_THETA_PROVENANCE_UNSUPPORTED`
 *   for a damaged stamp and one whose commit is no object id; `ERR_THETA_PROVENANCE_IO`, `ERR_THETA_CANCELLED`
 */
export async function trace(path: string, o: TraceOptions = {}): Promise<Trace> {
  const claims = await claimsOf(path);
  const repo = await openRepository(o.dir, o.signal);
  const { ask } = repo;
  const { commit } = claims;
  const here = commit !== null && (await isCommit(ask, commit));
  const found = here ? await factsOf(ask, commit) : null;
  const rewritten =
    commit === null || found?.reachable ? null : await successor(repo, claims, commit, here);
  const snapshot = await snapshotOf(repo, claims.snapshot);
  const base = rewritten?.found.commit ?? found?.commit ?? null;
  const from = snapshot?.here ? snapshot.commit : (found?.commit ?? base);
  const head = await headOf(ask);
  return {
    path,
    commit,
    repo: claims.repo,
    dirty: claims.dirty,
    found,
    rewritten,
    parents: claims.parents,
    snapshot,
    head: head && base ? { commit: head, ...(await distance(ask, base, head)) } : null,
    code: head && from ? await codeChanges(ask, from, head) : null,
    checkout: checkoutOf(repo, o.dir, snapshot, found?.commit ?? base),
    fetch: await fetchOf(repo, claims, { commit: here ? null : commit, snapshot }),
  };
}

async function successor(
  repo: OpenRepository,
  { tree, codeTree, authorDate }: Claims,
  commit: string,
  here: boolean,
): Promise<Trace['rewritten']> {
  const next = await findSuccessor(repo, { commit, here, tree, codeTree, authorDate });
  return next && { by: next.by, found: await factsOf(repo.ask, next.commit) };
}

/** Only what is among the snapshots here can be restored. */
async function snapshotOf(repo: OpenRepository, commit: string | null): Promise<Trace['snapshot']> {
  if (commit === null) return null;
  const found = (await snapshotsOf(repo)).find((snapshot) => snapshot.commit === commit);
  return { commit, ref: found?.ref ?? `${NAMESPACE}${commit.slice(0, 16)}`, here: Boolean(found) };
}

function checkoutOf(
  { top }: OpenRepository,
  dir: string | undefined,
  snapshot: Trace['snapshot'],
  commit: string | null,
): string[] | null {
  const id = snapshot?.here ? snapshot.commit : commit;
  if (id === null) return null;
  // Beside the work tree, wherever in it the command is run.
  const place = join(dirname(top), `code-${id.slice(0, 12)}`);
  const folder = relative(realpathSync(dir ?? process.cwd()), place).replaceAll(sep, '/');
  if (snapshot?.here) return ['git', 'theta', 'provenance', 'restore', id, folder];
  return ['git', 'worktree', 'add', '--detach', folder, id];
}

async function fetchOf(
  repo: OpenRepository,
  { repo: url }: Claims,
  missing: { readonly commit: string | null; readonly snapshot: Trace['snapshot'] },
): Promise<string[][]> {
  const { commit, snapshot } = missing;
  const wanted = snapshot && !snapshot.here ? snapshot.ref : null;
  if (commit === null && wanted === null) return [];
  const remote = await remoteOf(repo, url);
  if (remote === null) return [];
  const fetch = ['git', 'fetch', remote];
  const commands: string[][] = [];
  if (commit !== null) {
    if (repo.shallow) commands.push(['git', 'fetch', '--unshallow', remote]);
    else commands.push(fetch);
    commands.push([...fetch, commit]);
  }
  if (wanted !== null) commands.push([...fetch, `${wanted}:${wanted}`]);
  return commands;
}

/** The remote that a stamp names; of one that names none, `origin` or the only one. */
async function remoteOf({ ask }: OpenRepository, url: string | null): Promise<string | null> {
  const { text } = await ask(['config', '-z', '--get-regexp', '^remote\\..*\\.url$'], {
    mayFail: true,
  });
  const remotes = records(text).map((record): [name: string, url: string] => {
    const end = record.indexOf('\n');
    const key = readable(record.slice(0, end));
    return [key.slice('remote.'.length, -'.url'.length), readable(record.slice(end + 1))];
  });
  const names = remotes
    .filter(([, address]) => url === null || same(redactUrl(address), url))
    .map(([name]) => name)
    .filter((name) => /^[A-Za-z0-9][\w./-]*$/.test(name));
  return names.find((name) => name === 'origin') ?? names[0] ?? null;
}

function same(a: string | null, b: string): boolean {
  const plain = (address: string): string => address.replace(/\/$/, '').replace(/\.git$/, '');
  return a !== null && plain(a) === plain(b);
}
