/**
 * Changing the end of a file, without a second one.
 *
 * In: a file, and pieces of which the first is its beginning and the others are new. Out: the file with that end, and its
 * times. A failure leaves the bytes of before; only a kill in the midst leaves a file whose end is missing. Refused, and
 * left to who copies the file: other pieces, files that others see under another name, and those that may not be written.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { Piece } from '../../native';
import { halfWritten } from './failures';
import { kept, seconds, tail, writeAll } from './pieces';
import { type Target, unchanged } from './target';

/**
 * Puts the new pieces in the place of what the file has behind the part that stays.
 *
 * @returns false, with nothing done, where that is refused.
 * @throws ThetaError `ERR_THETA_PROVENANCE_IO` when the bytes of before cannot be put back either.
 */
export async function append(target: Target, pieces: readonly Piece[]): Promise<boolean> {
  const { path, stats } = target;
  const length = kept(pieces);
  if (length === null || stats.nlink > 1n) return false;
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES' || error.code === 'EPERM') return null;
    throw error;
  });
  if (!file) return false;
  try {
    await unchanged(target, file);
    const old = await readBehind(file, length, Number(stats.size));
    try {
      await overwrite(file, length, tail(pieces), stats);
    } catch (error) {
      await overwrite(file, length, old, stats).catch((cause: unknown) => {
        throw halfWritten(path, length, cause);
      });
      throw error;
    }
  } finally {
    await file.close();
  }
  return true;
}

/** Lets these bytes follow the part that stays. Space that the file has is given away last. */
async function overwrite(
  file: FileHandle,
  length: number,
  bytes: Buffer,
  { atimeNs, mtimeNs }: Target['stats'],
): Promise<void> {
  await writeAll(file, bytes, length);
  await file.truncate(length + bytes.length);
  await file.utimes(seconds(atimeNs), seconds(mtimeNs));
  await file.sync();
}

async function readBehind(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, from + done);
    if (bytesRead === 0) throw new Error('the file ends early');
    done += bytesRead;
  }
  return bytes;
}
