/**
 * Writing a file that is made of pieces of another one.
 *
 * In: a file and pieces. Out: a new file in its place, with its mode and times. The old file stays until the new one is
 * complete: a kill leaves it as it was. Where pieces only append, the file system's copies share what they have in common,
 * if it can do that.
 */
import { randomBytes } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  type FileHandle,
  lstat,
  open,
  rename,
  rm,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Piece } from '../../native';
import { moved } from './failures';
import { type Target, unchanged } from './target';

const CHUNK = 1 << 20;

/** What can be watched and stopped. */
export interface PieceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of the new file right before it takes the place of the old one. */
  readonly onPlace?: ((stats: BigIntStats) => void) | undefined;
}

/**
 * Calls `take` with the bytes of all pieces, in order; the buffer is used again.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_REFUSED` when the file has become shorter than the pieces.
 */
async function each(
  path: string,
  source: FileHandle,
  pieces: readonly Piece[],
  { signal }: PieceOptions,
  take: (bytes: Buffer) => Promise<void> | void,
): Promise<void> {
  const buffers = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)] as const;
  for (const piece of pieces) {
    if ('bytes' in piece && piece.bytes !== undefined) {
      await take(piece.bytes);
      continue;
    }
    const { offset, length } = piece as { offset: number; length: number };
    const end = offset + length;
    const read = async (at: number, buffer: Buffer): Promise<Buffer> => {
      const { bytesRead } = await source.read(buffer, 0, Math.min(CHUNK, end - at), at);
      return buffer.subarray(0, bytesRead);
    };
    let next = read(offset, buffers[0]);
    for (let at = offset, turn = 1; at < end; turn ^= 1) {
      const bytes = await next;
      if (bytes.length === 0) throw moved(path);
      at += bytes.length;
      // The next part is read while this one is worked on.
      next = at < end ? read(at, buffers[turn as 0 | 1]) : Promise.resolve(bytes);
      try {
        signal?.throwIfAborted();
        await take(bytes);
      } catch (error) {
        await next.catch(() => {});
        throw error;
      }
    }
  }
}

/** The length of the part at the beginning that stays, when the rest is appended. */
export function kept(pieces: readonly Piece[]): number | null {
  const [first, ...rest] = pieces;
  if (!first || !('offset' in first) || first.offset !== 0) return null;
  return rest.every((piece) => 'bytes' in piece && piece.bytes !== undefined) ? first.length : null;
}

/** What is appended to the part that stays. */
export const tail = (pieces: readonly Piece[]): Buffer =>
  Buffer.concat(pieces.slice(1).map((piece) => (piece as { bytes: Buffer }).bytes));

/** Puts a file of these pieces in the place of the target. */
export async function replace(
  target: Target,
  pieces: readonly Piece[],
  options: PieceOptions = {},
): Promise<void> {
  const { path } = target;
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const length = kept(pieces);
    if (length !== null) {
      await copyFile(path, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await chmod(temporary, 0o600);
      const file = await open(temporary, 'r+');
      try {
        await file.truncate(length);
        await writeAll(file, tail(pieces), length);
        await file.sync();
      } finally {
        await file.close();
      }
    } else {
      await copyPieces(path, temporary, pieces, options);
    }
    await likeBefore(temporary, target);
    options.onPlace?.(await lstat(temporary, { bigint: true }));
    await unchanged(target);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

async function copyPieces(
  path: string,
  temporary: string,
  pieces: readonly Piece[],
  options: PieceOptions,
): Promise<void> {
  const [source, file] = [await open(path, 'r'), await open(temporary, 'wx', 0o600)];
  try {
    let at = 0;
    await each(path, source, pieces, options, async (bytes) => {
      await writeAll(file, bytes, at);
      at += bytes.length;
    });
    await file.sync();
  } finally {
    await Promise.all([source.close(), file.close()]);
  }
}

/** Writes all of it: one call of the system may write less. */
export async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** Mode, owner and times: which checkpoint is the newest must not change. */
async function likeBefore(path: string, { stats }: Target): Promise<void> {
  try {
    await chown(path, Number(stats.uid), Number(stats.gid));
  } catch {
    // Only root may give files away; and there are systems without owners.
  }
  await chmod(path, Number(stats.mode & 0o7777n));
  await utimes(path, seconds(stats.atimeNs), seconds(stats.mtimeNs));
}

/** A time as the functions that set one take it. */
export const seconds = (ns: bigint): number => Number(ns) / 1e9;

/** A rename is on the disk when its folder is. Not everywhere can folders be opened. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The file itself is written.
  }
}
