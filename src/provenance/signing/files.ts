/**
 * Small files: read with a limit, written all or not at all.
 *
 * Refused: a file over its limit, what is not a regular file, a destination that exists unless it
 * may be replaced.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reading, refused, unsupported } from './failures';

/** The content of a file of at most `most` bytes. */
export function readSmall(path: string, most: number): Promise<Buffer> {
  return reading(path, async () => {
    // Without O_NONBLOCK a named pipe would be waited for.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const { size } = await file.stat().then((stat) => {
        if (stat.isFile()) return stat;
        throw unsupported(`${path}: is not a file`, { path });
      });
      if (size > most)
        throw unsupported(`${path}: has ${size} bytes, more than the ${most} allowed`, { path });
      const buffer = Buffer.alloc(size + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      if (length > size) throw refused(`${path}: grew while it was read`, { path });
      return buffer.subarray(0, length);
    } finally {
      await file.close();
    }
  });
}

/** The kind of what is at `path`, links not followed; undefined when nothing is. */
export async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | undefined> {
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!stat) return undefined;
  return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
}

/** Throws unless a file may be written to `path`. */
export function checkDestination(path: string, replace: boolean): Promise<void> {
  return reading(path, async () => {
    const kind = await kindOf(path);
    if (kind === undefined || (kind === 'file' && replace)) return;
    const hint = kind === 'file' ? 'Remove it, or name another file.' : undefined;
    throw refused(`${path}: exists already`, { path, hint });
  });
}

/**
 * Writes a file by way of a temporary one beside it. Without `replace`, a file that appeared in the
 * meantime stays as it is.
 */
export function writeAtomically(path: string, content: string, replace: boolean): Promise<void> {
  return reading(path, async () => {
    await checkDestination(path, replace);
    const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(content).then(() => file.sync());
      await file.close();
      if (replace) await rename(temporary, path);
      else await publish(temporary, path);
    } finally {
      await file.close().catch(() => {});
      await rm(temporary, { force: true });
    }
  });
}

/** Gives a file its name, never that of another. */
async function publish(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw refused(`${path}: exists already`, { path });
    // A file system without hard links: what is left is to look once more.
    await checkDestination(path, false);
    await rename(temporary, path);
  }
}
