/**
 * `git theta fetch`: brings the objects that checkpoints need.
 *
 * In: revisions (default: HEAD and the index), or all of history. Out: their manifests' objects
 * are in the store; each is downloaded once, through git-lfs. Refused: an object that the remote
 * does not have; the rest is fetched first.
 */
import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import { fetchObjects, type TransferOptions } from '../lfs/transfer';
import type { ObjectRef } from '../manifest';
import { missingObjects } from '../store/missing';
import { versions } from './history';
import { modelsInIndex, modelsInTree } from './models';

/** Options of `fetch`. */
export interface FetchOptions extends TransferOptions {
  readonly remote?: string | undefined;
  /** Everything that any branch, tag or remote branch has ever had. */
  readonly all?: boolean;
  /** Says what is missing and brings nothing. */
  readonly dryRun?: boolean;
}

/** What was brought. */
export interface FetchReport {
  /** Objects that were in no store, and their bytes. */
  readonly missing: number;
  readonly missingBytes: number;
  readonly fetched: number;
  readonly bytes: number;
}

/** Brings what is missing. */
export async function fetch(
  repo: Repository,
  revisions: readonly string[],
  options: FetchOptions = {},
): Promise<FetchReport> {
  const { all, dryRun, remote, ...transfer } = options;
  const missing = new Map<string, ObjectRef>();
  const need = (refs: ObjectRef[]) => {
    for (const ref of refs) missing.set(ref.oid, ref);
  };
  if (all) {
    for await (const { manifest } of versions(repo, ['--all'], await tips(repo))) {
      need(missingObjects(repo, manifest));
    }
  } else {
    const places = revisions.length > 0 ? revisions : ['HEAD'];
    for (const rev of places) {
      const args = ['rev-parse', '--verify', '--quiet', `${rev}^{tree}`];
      const { code } = await repo.git(args, { check: false });
      if (code !== 0 && revisions.length > 0) throw noRevision(rev);
      for (const { manifest } of await modelsInTree(repo, rev)) {
        if (manifest) need(missingObjects(repo, manifest));
      }
    }
    for (const { manifest } of revisions.length > 0 || repo.isBare
      ? []
      : await modelsInIndex(repo, null)) {
      if (manifest) need(missingObjects(repo, manifest));
    }
  }
  const refs = [...missing.values()];
  const missingBytes = refs.reduce((sum, { size }) => sum + size, 0);
  const counted = { missing: refs.length, missingBytes };
  if (dryRun || refs.length === 0) return { ...counted, fetched: 0, bytes: 0 };
  const done = await fetchObjects(repo, refs, { ...transfer, ...(remote ? { remote } : {}) });
  return { ...counted, ...done };
}

function noRevision(rev: string): ThetaError {
  return new ThetaError('ERR_THETA_NOT_FOUND', `'${rev}' is no commit that is here`, {
    hint: 'Bring commits with `git fetch` first.',
  });
}

/** The commits that all refs stand for. */
export async function tips(repo: Repository): Promise<string[]> {
  const { stdout } = await repo.git(['rev-parse', '--all']);
  return [...new Set(stdout.split('\n').filter((line) => line !== ''))];
}
