/**
 * Smudge: a manifest becomes the checkpoint again, byte for byte.
 *
 * In: a blob as git stores it. Out: one of three answers: the blob itself (it is no manifest: a
 * file committed before it was tracked, a Git LFS pointer, a merge's conflict markers), the blob
 * because the checkpoint is left for later (a hook will write it, it is too large for git's memory, or `--skip` asks
 * for that), or a stream of the checkpoint's bytes, every object and tensor of it verified.
 *
 * Refused: a manifest of a version that this program does not know, missing and corrupt objects.
 */
import { totalmem } from 'node:os';
import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import { MAX_POINTER, parsePointer } from '../lfs/pointer';
import { fetchObjects } from '../lfs/transfer';
import {
  looksLikeManifest,
  MAX_MANIFEST,
  type Manifest,
  type ObjectRef,
  printObject,
  toRecords,
} from '../manifest';
import { valueBytes } from '../manifest/sizes';
import { Composition } from '../native';
import { missingObjects } from '../store/missing';
import { inStore } from '../store/paths';
import { hookFollows } from './by-hook';
import { isCallerQuiet } from './caller';
import type { StartTransfer } from './handshake';
import { manifestIn } from './previous';
import type { Spool } from './spool';

/** A multiple of a packet's payload, so that packets are full. */
const PIECE = 65516 * 16;
/** Below so many bytes a hook that follows is not worth its start: `theta.hookLimit`. */
const HOOK_LIMIT = 64 * 1024 * 1024;
const TRUE = new Set(['1', 'true', 't', 'yes', 'y', 'on']);

/** What the user asked for once and for all. */
export interface SmudgePolicy {
  /** Leave the manifest in the work tree where objects are missing. */
  readonly skip: boolean;
  /** A hook of ours follows and writes what is left. */
  readonly byHook: boolean;
  /** Above so many bytes git is not given the checkpoint: it would hold it in memory, and a hook is faster. */
  readonly limit: number;
}

/** Whether manifests are to stay where objects are missing: by the command line or the environment. */
export function isSkipping(skip: boolean): boolean {
  return skip || TRUE.has((process.env.GIT_LFS_SKIP_SMUDGE ?? '').toLowerCase());
}

/** Policy from the command line, the environment and the configuration. */
export async function smudgePolicy(repo: Repository, skip: boolean): Promise<SmudgePolicy> {
  const byHook = await hookFollows(repo);
  const configured = await repo.config('theta.smudgeLimit', 'int');
  const limit = configured === null ? quarter() : Number(configured);
  if (!byHook) return { skip: isSkipping(skip), byHook, limit };
  const worth = await repo.config('theta.hookLimit', 'int');
  const least = worth === null ? HOOK_LIMIT : Number(worth);
  return { skip: isSkipping(skip), byHook, limit: Math.min(limit, least) };
}

/** A quarter of the memory that this process may use. */
function quarter(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor(memory / 4);
}

/** A blob that stands for something else, and what that is made of. */
export interface Smudgeable {
  readonly blob: Buffer;
  readonly manifest: Manifest;
}

/** What a stream stands for; null when it is to be passed through unchanged. */
export function smudgeable(spool: Spool, path: string): Smudgeable | null {
  if (inStore(path)) return storeFile(spool);
  const first = spool.pieces().next().value;
  if (!first || !looksLikeManifest(first) || spool.size > MAX_MANIFEST) return null;
  const blob = spool.toBuffer();
  const manifest = manifestIn(blob);
  if (manifest) return { blob, manifest };
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

/** A file of the store is one object: the manifest with one piece. */
function storeFile(spool: Spool): Smudgeable | null {
  if (spool.size > MAX_POINTER) return null;
  const blob = spool.toBuffer();
  const object = parsePointer(blob);
  if (!object) return null;
  const pieces = [printObject(object)];
  const manifest = { format: 'opaque', reason: 'store file', pieces };
  return { blob, manifest: { ...manifest, groups: [], storages: [], tensors: [] } };
}

/** Where a hook follows it links the store files, whatever their size, to objects that the checkpoints bring. */
export function policyFor(path: string, policy: SmudgePolicy): SmudgePolicy {
  if (!inStore(path)) return policy;
  return policy.byHook ? { ...policy, skip: true, limit: 0 } : { ...policy, limit: Infinity };
}

/** Downloads what is missing. Throws the list when that is not possible. */
export async function fetchMissing(
  repo: Repository,
  refs: ObjectRef[],
  progress?: StartTransfer,
): Promise<void> {
  const unique = new Map(refs.map((ref) => [ref.oid, ref]));
  if (unique.size === 0) return;
  const shown = progress?.('Downloading tensors', isCallerQuiet());
  try {
    await fetchObjects(repo, [...unique.values()], { onProgress: shown?.onProgress });
  } finally {
    shown?.done();
  }
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
  if (valueBytes(manifest) > policy.limit) return null;
  return pieces(compositionOf(repo, path, manifest), path);
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
