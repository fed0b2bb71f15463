/**
 * Uploads what a push needs: every object of every manifest in the pushed range.
 *
 * In: a remote and what is pushed to it. Out: all objects are on the remote. git-lfs uploads what
 * its pointers name; objects that only a manifest names, because a commit was made without our
 * hooks, are uploaded by their ids.
 *
 * Refused: a push while an object is neither here nor on the remote, or an upload fails. Nothing
 * else stands between a commit and a clone that cannot be checked out.
 */
import type { Repository } from '../git/repository';
import { hasObject } from '../lfs/store';
import { checkLfsVersion, pushObjects, type TransferOptions } from '../lfs/transfer';
import { manifestObjects, type ObjectRef } from '../manifest';
import { unpack } from '../store/pins';
import { versions } from './history';
import { release } from './release';
import { compareStore } from './unlisted';

/** One line of a pre-push hook's input. */
export interface PushedRef {
  readonly localRef: string;
  readonly localOid: string;
  readonly remoteRef: string;
  readonly remoteOid: string;
}

/** What an upload was about. */
export interface UploadReport {
  /** Versions of models in the pushed range. */
  readonly versions: number;
  /** Distinct objects that they need. */
  readonly objects: number;
  /** Of them, uploaded by us because git-lfs does not see them. */
  readonly unlisted: number;
}

export interface UploadOptions extends TransferOptions {
  /** The whole history of what is pushed: the remote may lack objects of commits that it has. */
  readonly allObjects?: boolean;
}

/** Objects per call of git-lfs: its memory and ours stay bounded. */
const BATCH = 20_000;

/** The lines of a pre-push hook's standard input. */
export function parsePushed(text: string): PushedRef[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [localRef = '', localOid = '', remoteRef = '', remoteOid = ''] = line.split(' ');
      return { localRef, localOid, remoteRef, remoteOid };
    });
}

/**
 * Uploads the objects of a range. `lfs` uploads what pointers name (git-lfs's own pre-push); it
 * runs after what is pinned has been put back into git-lfs's store. With `allObjects` it has to
 * check what it does not find here, as `git lfs push --all` does.
 */
export async function upload(
  repo: Repository,
  remote: string,
  pushed: readonly PushedRef[],
  lfs: () => Promise<void>,
  { allObjects = false, ...options }: UploadOptions = {},
): Promise<UploadReport> {
  const { range, tips } = await pushedRange(repo, remote, pushed, allObjects);
  const seen = new Set<string>();
  const absent = new Map<string, ObjectRef>();
  const unlisted = new Map<string, ObjectRef>();
  let count = 0;
  if (tips.length > 0) {
    for await (const { commit, path, manifest } of versions(repo, range, tips)) {
      count++;
      const fresh = manifestObjects(manifest).filter(({ oid }) => !seen.has(oid));
      for (const { oid } of fresh) seen.add(oid);
      if (fresh.length === 0) continue;
      unpack(repo, fresh);
      const store = await compareStore(repo, { rev: commit }, path, manifest);
      const unknown = new Set(store.unlisted.map(({ oid }) => oid));
      for (const ref of fresh) {
        const listed = !unknown.has(ref.oid);
        if (hasObject(repo.objectsDir, ref)) {
          if (!listed) unlisted.set(ref.oid, ref);
        } else if (!listed || !allObjects) absent.set(ref.oid, ref);
      }
    }
  }
  if (count > 0) await checkLfsVersion();
  // What is not here has to be there already. git-lfs may be told to tolerate it
  // (lfs.allowincompletepush); we are not, and say first what is missing.
  await pushAll(repo, remote, absent, options);
  await lfs();
  await pushAll(repo, remote, unlisted, options);
  await release(repo, seen);
  return { versions: count, objects: seen.size, unlisted: unlisted.size };
}

async function pushAll(
  repo: Repository,
  remote: string,
  objects: ReadonlyMap<string, ObjectRef>,
  options: TransferOptions,
): Promise<void> {
  const refs = [...objects.values()];
  for (let start = 0; start < refs.length; start += BATCH) {
    await pushObjects(repo, remote, refs.slice(start, start + BATCH), options);
  }
}

/** Revisions that the remote does not have, as far as is known here; with `all`, nothing is known. */
async function pushedRange(
  repo: Repository,
  remote: string,
  pushed: readonly PushedRef[],
  all: boolean,
): Promise<{ range: string[]; tips: string[] }> {
  const tips = new Set<string>();
  const known = new Set<string>();
  for (const { localOid, remoteOid } of pushed) {
    const commit = await commitOf(repo, localOid);
    if (commit) tips.add(commit);
    const base = await commitOf(repo, remoteOid);
    if (base) known.add(base);
  }
  if (all) return { range: [...tips], tips: [...tips] };
  const { stdout } = await repo.git(['remote'], { check: false });
  const named = stdout.split('\n').includes(remote);
  // A pushed deletion has no tip; a remote given as a URL has no refs here.
  const exclude = [...known].map((oid) => `^${oid}`);
  if (named) exclude.push('--not', `--remotes=${remote}`);
  return { range: [...tips, ...exclude], tips: [...tips] };
}

/** The commit that an object id stands for; null for zeros, unknown objects, tags of other things. */
async function commitOf(repo: Repository, oid: string): Promise<string | null> {
  if (!/^[0-9a-f]{40,64}$/.test(oid) || /^0+$/.test(oid)) return null;
  const args = ['rev-parse', '--verify', '--quiet', `${oid}^{commit}`];
  const { code, stdout } = await repo.git(args, { check: false });
  return code === 0 ? stdout.trim() : null;
}
