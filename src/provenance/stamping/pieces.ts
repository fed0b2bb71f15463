/**
 * Writing and hashing a file that is made of pieces of another one.
 *
 * In: a file and pieces. Out: a new file in its place, with its mode and times, or the SHA-256 of what it would be.
 * The old file stays until the new one is complete: a kill leaves it as it was. Where pieces only append, the file
 * system's copies share what they have in common, if it can do that.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  type FileHandle,
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

/** The SHA-256 of the pieces, and with `from` a second one of what begins there. */
export async function hashPieces(
  path: string,
  pieces: readonly Piece[],
  options: PieceOptions & { readonly from?: number | undefined } = {},
): Promise<{ readonly whole: string; readonly rest: string | null }> {
  const [whole, rest] = [createHash('sha256'), createHash('sha256')];
  const { from } = options;
  const source = await open(path, 'r');
  try {
    let at = 0;
    await each(path, source, pieces, options, (bytes) => {
      whole.update(bytes);
      const end = at + bytes.length;
      if (from !== undefined && end > from) rest.update(bytes.subarray(Math.max(0, from - at)));
      at = end;
    });
  } finally {
    await source.close();
  }
  return { whole: whole.digest('hex'), rest: from === undefined ? null : rest.digest('hex') };
}

/** The length of the part at the beginning that stays, when the rest is appended. */
function kept(pieces: readonly Piece[]): number | null {
  const [first, ...rest] = pieces;
  if (!first || !('offset' in first) || first.offset !== 0) return null;
  return rest.every((piece) => 'bytes' in piece && piece.bytes !== undefined) ? first.length : null;
}

const tail = (pieces: readonly Piece[]): Buffer =>
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

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
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

const seconds = (ns: bigint): number => Number(ns) / 1e9;

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

/**
 * Appends to the file itself, and takes away what it had behind the part that stays. Without a second copy, but a
 * kill in the midst leaves a file whose end is missing.
 *
 * @returns whether the pieces are such.
 */
export async function append(target: Target, pieces: readonly Piece[]): Promise<boolean> {
  const length = kept(pieces);
  if (length === null) return false;
  const { path, stats } = target;
  const file = await open(path, 'r+');
  try {
    await unchanged(target);
    const old = Buffer.alloc(Number(stats.size) - length);
    await file.read(old, 0, old.length, length);
    try {
      await file.truncate(length);
      await writeAll(file, tail(pieces), length);
      await file.sync();
    } catch (error) {
      await file.truncate(length);
      await writeAll(file, old, length);
      throw error;
    }
    await file.utimes(seconds(stats.atimeNs), seconds(stats.mtimeNs));
  } finally {
    await file.close();
  }
  return true;
}
