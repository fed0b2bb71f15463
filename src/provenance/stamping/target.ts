/**
 * Whether a file may be changed.
 *
 * In: a path. Out: the identity of the file, to tell later that it is still the same one. Refused: what is no regular
 * file, and, unless forced, what others rely on: links, files with several names, read-only files, files that a signature covers.
 */
import { type BigIntStats, constants } from 'node:fs';
import { access, type FileHandle, lstat, realpath, stat } from 'node:fs/promises';
import { isSigned } from '../signing/signed';
import { moved, refused, unsupported } from './failures';

/** A file to change. */
export interface Target {
  /** The file itself, not a link to it. */
  readonly path: string;
  readonly stats: BigIntStats;
}

/** @throws ThetaError `ERR_THETA_PROVENANCE_REFUSED`, `ERR_THETA_PROVENANCE_UNSUPPORTED` */
export async function target(path: string, force: boolean): Promise<Target> {
  const own = await lstat(path, { bigint: true });
  if (own.isSymbolicLink() && !force) {
    throw refused(
      path,
      'is a symbolic link',
      'Name the file that it leads to, use --sidecar, or --force to change that file.',
    );
  }
  const real = own.isSymbolicLink() ? await realpath(path) : path;
  const stats = own.isSymbolicLink() ? await stat(real, { bigint: true }) : own;
  if (!stats.isFile()) throw unsupported(path, 'is no regular file');
  if (stats.nlink > 1n && !force) {
    throw refused(
      path,
      `has ${stats.nlink} names: a cache may share it`,
      'Use --sidecar, or --force to give this name a file of its own.',
    );
  }
  if (!force) await refuseReadOnly(real, stats);
  if (!force) await refuseSigned(real);
  return { path: real, stats };
}

/** A rename would replace it all the same; but who took the right to write away did not want that. */
async function refuseReadOnly(path: string, { mode }: BigIntStats): Promise<void> {
  const writable =
    (mode & 0o222n) !== 0n &&
    (await access(path, constants.W_OK).then(
      () => true,
      () => false,
    ));
  if (writable) return;
  throw refused(path, 'is read-only', 'Use --sidecar, or --force to change it all the same.');
}

async function refuseSigned(path: string): Promise<void> {
  const signature = await isSigned(path);
  if (signature === undefined) return;
  throw refused(
    path,
    `is signed by '${signature}', which a change would make void`,
    'Use --sidecar, or --force and sign it again.',
  );
}

/** Refuses to change a file that carries a signature in itself. */
export function refuseSignedInside(path: string, signed: string | null, force: boolean): void {
  if (signed === null || force) return;
  throw refused(
    path,
    `carries the signature '${signed}', which a change would make void`,
    'Use --sidecar, or --force and sign it again.',
  );
}

/** Checks that the file, or the one that was opened, is still the one that was looked at. */
export async function unchanged({ path, stats }: Target, opened?: FileHandle): Promise<void> {
  const now = await (opened ? opened.stat({ bigint: true }) : lstat(path, { bigint: true }));
  const same =
    now.dev === stats.dev &&
    now.ino === stats.ino &&
    now.size === stats.size &&
    now.mtimeNs === stats.mtimeNs &&
    now.ctimeNs === stats.ctimeNs;
  if (!same) throw moved(path);
}

/** Work on a file. When it fails, and the file is no longer the one that was looked at, that is the error. */
export async function steady<T>(goal: Target, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await unchanged(goal);
    throw error;
  }
}
