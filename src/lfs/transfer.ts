/**
 * Moves objects to and from a remote, through Git LFS and whatever transport it is configured for.
 *
 * In: references. Out: nothing, when every one of them is where it should be. Refused: success over less than that. An
 * upload that Git LFS did not finish, and an object that is not here to be uploaded, fail the push.
 */
import { isThetaError, ThetaError } from '../errors';
import { gitFailed } from '../git/child';
import type { Repository } from '../git/repository';
import type { ObjectRef } from '../manifest/types';
import { FilterClient } from './filter-client';
import { findObject, hasObject, objectPath, placeObject } from './store';
import { checkLfsVersion } from './version';

export { checkLfsVersion } from './version';

/** How far a transfer is. Sizes in bytes. */
export interface TransferProgress {
  done: number;
  total: number;
  bytes: number;
  totalBytes: number;
}

export interface TransferOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: TransferProgress) => void) | undefined;
}

function unique(refs: readonly ObjectRef[]): ObjectRef[] {
  return [...new Map(refs.map((ref) => [ref.oid, ref])).values()];
}

/** `<oid> (<bytes> bytes)` of the first few, and how many more. */
function listing(refs: readonly ObjectRef[]): string {
  const shown = refs.slice(0, 5).map(({ oid, size }) => `${oid} (${size} bytes)`);
  if (refs.length > shown.length) shown.push(`and ${refs.length - shown.length} more`);
  return shown.join(', ');
}

/** Git LFS uploads from its own folder alone; objects kept elsewhere are put back there. */
function bringBack(repo: Repository, ref: ObjectRef): boolean {
  if (hasObject(repo.objectsDir, ref)) return true;
  const source = findObject(repo.stores(), ref);
  if (source === null) return false;
  placeObject(source, objectPath(repo.objectsDir, ref.oid), repo.objectTemp());
  return true;
}

/**
 * Uploads objects that a remote lacks.
 *
 * @param remote - name or URL.
 * @throws ThetaError `ERR_THETA_PUSH_INCOMPLETE` when an object is not here, or Git LFS did not upload all.
 */
export async function pushObjects(
  repo: Repository,
  remote: string,
  refs: readonly ObjectRef[],
  o: TransferOptions = {},
): Promise<void> {
  const wanted = unique(refs);
  if (wanted.length === 0) return;
  await checkLfsVersion();
  const absent = wanted.filter((ref) => !bringBack(repo, ref));
  if (absent.length > 0) {
    throw new ThetaError(
      'ERR_THETA_PUSH_INCOMPLETE',
      `${absent.length} of ${wanted.length} objects are not here: ${listing(absent)}`,
      { hint: 'fetch them from where they are with git theta fetch' },
    );
  }
  // With lfs.allowincompletepush Git LFS would leave out what it cannot upload, and succeed.
  const args = [
    '-c',
    'lfs.allowincompletepush=false',
    'lfs',
    'push',
    '--object-id',
    '--stdin',
    remote,
  ];
  const { code, stderr } = await repo.git(args, {
    input: wanted.map(({ oid }) => `${oid}\n`).join(''),
    env: { GIT_LFS_SKIP_PUSH: '0' },
    check: false,
    signal: o.signal,
  });
  if (code !== 0) {
    const cause = gitFailed(args, code, stderr);
    throw new ThetaError(
      'ERR_THETA_PUSH_INCOMPLETE',
      `not all objects were uploaded to '${remote}': ${cause.message}`,
      { cause },
    );
  }
  const total = wanted.length;
  const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
  o.onProgress?.({ done: total, total, bytes, totalBytes: bytes });
}

/** Settings that make Git LFS download everything that it is asked for, from the remote that is meant. */
async function fetchSettings(repo: Repository, remote: string | undefined): Promise<string[]> {
  const settings = ['lfs.fetchinclude=', 'lfs.fetchexclude=', 'lfs.skipdownloaderrors=true'];
  if (remote === undefined) return settings;
  // The branch's own remote comes before the default one.
  const { code, stdout } = await repo.git(['symbolic-ref', '-q', '--short', 'HEAD'], {
    check: false,
  });
  if (code === 0) settings.push(`branch.${stdout.trimEnd()}.remote=${remote}`);
  return [...settings, `remote.lfsdefault=${remote}`];
}

/**
 * Downloads the objects that are in none of the repository's stores.
 *
 * @param o - `remote`: a name; by default the one that Git LFS takes.
 * @throws ThetaError `ERR_THETA_FETCH_INCOMPLETE` with the objects that could not be had; the others are here.
 */
export async function fetchObjects(
  repo: Repository,
  refs: readonly ObjectRef[],
  o: TransferOptions & { remote?: string | undefined } = {},
): Promise<{ fetched: number; bytes: number }> {
  const wanted = new Map(
    unique(refs)
      .filter((ref) => findObject(repo.stores(), ref) === null)
      .map((ref) => [ref.oid, ref]),
  );
  const progress = { done: 0, total: wanted.size, bytes: 0, totalBytes: 0 };
  for (const { size } of wanted.values()) progress.totalBytes += size;
  if (wanted.size === 0) return { fetched: 0, bytes: 0 };
  await checkLfsVersion();
  const said = await download(repo, [...wanted.values()], o, (oid) => {
    progress.done++;
    progress.bytes += wanted.get(oid)?.size ?? 0;
    o.onProgress?.({ ...progress });
  });
  const absent = [...wanted.values()].filter((ref) => !hasObject(repo.objectsDir, ref));
  const lost = absent.reduce((sum, { size }) => sum + size, 0);
  if (absent.length === 0) return { fetched: wanted.size, bytes: progress.totalBytes };
  throw new ThetaError(
    'ERR_THETA_FETCH_INCOMPLETE',
    `${absent.length} of ${wanted.size} objects (${lost} bytes) could not be downloaded: ${listing(absent)}`,
    { hint: reason(said) },
  );
}

/** The last thing that Git LFS complained about, without the names of what it was doing. */
function reason(said: string): string | undefined {
  const line = said
    .split('\n')
    .findLast((text) => /error/i.test(text) && !text.startsWith('Errors logged'));
  const why = line?.replace(/^.*\([0-9a-f]{64}\): /, '');
  return why === undefined ? undefined : `git-lfs says: ${why}`;
}

/** What Git LFS said while it downloaded. Its failures show in what is not here afterwards. */
async function download(
  repo: Repository,
  refs: readonly ObjectRef[],
  o: TransferOptions & { remote?: string | undefined },
  arrived: (oid: string) => void,
): Promise<string> {
  const settings = await fetchSettings(repo, o.remote);
  const client = await FilterClient.start(repo, settings, o.signal);
  try {
    let expected = 0;
    for (const ref of refs) {
      if (await client.request(ref)) expected++;
      else if (hasObject(repo.objectsDir, ref)) arrived(ref.oid);
    }
    while (expected > 0) {
      const names = await client.available();
      if (names.length === 0) break;
      names.forEach(arrived);
      expected -= names.length;
    }
    // Git LFS does not say why a delayed object failed to arrive.
    const absent = refs.find((ref) => !hasObject(repo.objectsDir, ref));
    if (absent && !(await client.request(absent, false)) && hasObject(repo.objectsDir, absent)) {
      arrived(absent.oid);
    }
    return await client.end();
  } catch (error) {
    client.kill();
    if (isThetaError(error, 'ERR_THETA_GIT_FAILED')) return error.message;
    throw error;
  }
}
