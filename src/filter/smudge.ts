/**
 * Smudge: a manifest becomes the checkpoint again, byte for byte.
 *
 * In: a blob as git stores it. Out: one of three answers: the blob itself (it is no manifest: a
 * file committed before it was tracked, a Git LFS pointer, a merge's conflict markers), the blob
 * because the checkpoint is left for later (too large for git's memory, or asked for by
 * `--skip`), or a stream of the checkpoint's bytes, every object and tensor of it verified.
 *
 * Refused: a manifest of a version that this program does not know, missing and corrupt objects.
 */
import { totalmem } from 'node:os';
import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import { fetchObjects } from '../lfs/transfer';
import { type Manifest, type ObjectRef, toRecords } from '../manifest';
import { Composition } from '../native';
import { missingObjects } from '../store/missing';
import { manifestIn } from './previous';

/** A multiple of a packet's payload, so that packets are full. */
const PIECE = 65516 * 16;
const TRUE = new Set(['1', 'true', 't', 'yes', 'y', 'on']);

/** What the user asked for once and for all. */
export interface SmudgePolicy {
  /** Leave the manifest in the work tree where objects are missing. */
  readonly skip: boolean;
  /** Above so many bytes git is not given the checkpoint, because it would hold it in memory. */
  readonly limit: number;
}

/** Policy from the command line, the environment and the configuration. */
export async function smudgePolicy(repo: Repository, skip: boolean): Promise<SmudgePolicy> {
  const asked = (process.env.GIT_LFS_SKIP_SMUDGE ?? '').toLowerCase();
  const limit = await repo.config('theta.smudgeLimit', 'int');
  return { skip: skip || TRUE.has(asked), limit: limit === null ? quarter() : Number(limit) };
}

/** A quarter of the memory that this process may use. */
function quarter(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor(memory / 4);
}

/** The manifest in a blob; null when the blob is to be passed through unchanged. */
export function smudgeable(blob: Buffer, path: string): Manifest | null {
  const manifest = manifestIn(blob);
  if (manifest) return manifest;
  const version = /^\{"git-theta":(\d{1,9})[,}]/.exec(blob.subarray(0, 32).toString('latin1'))?.[1];
  if (version !== undefined && version !== '1') {
    throw new ThetaError(
      'ERR_THETA_BAD_MANIFEST',
      `${path} has a manifest of version ${version}, which this git-theta does not know`,
      {
        path,
        hint: 'Install a newer git-theta.',
      },
    );
  }
  return null;
}

/** Downloads what is missing. Throws the list when that is not possible. */
export async function fetchMissing(repo: Repository, refs: ObjectRef[]): Promise<void> {
  const unique = new Map(refs.map((ref) => [ref.oid, ref]));
  if (unique.size > 0) await fetchObjects(repo, [...unique.values()]);
}

/** The checkpoint's bytes, or null where its manifest is to stay in the work tree. */
export function materialise(
  repo: Repository,
  path: string,
  manifest: Manifest,
  policy: SmudgePolicy,
): Generator<Buffer, void> | null {
  const missing = missingObjects(repo, manifest);
  if (missing.length > 0) {
    if (policy.skip) return null;
    throw missingError(path, missing);
  }
  const composition = compositionOf(repo, path, manifest);
  if (composition.size > policy.limit) {
    composition.close();
    return null;
  }
  return pieces(composition, path);
}

/** The skeleton is read at once. */
function compositionOf(repo: Repository, path: string, manifest: Manifest): Composition {
  try {
    return new Composition(toRecords(manifest), repo.stores());
  } catch (error) {
    throw located(error, path);
  }
}

function* pieces(composition: Composition, path: string): Generator<Buffer, void> {
  const buffer = Buffer.allocUnsafe(PIECE);
  try {
    for (let count = fill(composition, buffer); count > 0; count = fill(composition, buffer)) {
      yield buffer.subarray(0, count);
    }
  } catch (error) {
    throw located(error, path);
  } finally {
    composition.close();
  }
}

/** Reads until the buffer is full, so that few system calls and packets carry the data. */
function fill(composition: Composition, buffer: Buffer): number {
  let filled = 0;
  while (filled < buffer.length) {
    const count = composition.read(buffer.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** The error for objects that are in no store and could not be fetched. */
export function missingError(path: string, missing: readonly ObjectRef[]): ThetaError {
  const listed = missing.slice(0, 10).map(({ oid, size }) => `  ${oid} (${size} bytes)`);
  const more =
    missing.length > listed.length ? [`  and ${missing.length - listed.length} more`] : [];
  const count = missing.length === 1 ? '1 object is' : `${missing.length} objects are`;
  return new ThetaError(
    'ERR_THETA_MISSING_OBJECT',
    [`${path}: ${count} missing:`, ...listed, ...more].join('\n'),
    {
      path,
      hint: 'Fetch them with `git theta fetch`, or set GIT_LFS_SKIP_SMUDGE=1 to check out the manifest instead.',
    },
  );
}

/** Says which file and what helps where the core could only name the object. */
function located(error: unknown, path: string): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (code !== 'ERR_THETA_CORRUPT_OBJECT' && code !== 'ERR_THETA_CORRUPT_TENSOR') return error;
  return new ThetaError(code, `${path}: ${message}`, {
    path,
    hint: 'Restore the object with `git theta fsck --repair`.',
    cause: error,
  });
}
