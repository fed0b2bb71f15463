/**
 * What is at a path of the work tree, byte for byte.
 *
 * In: a path, one character for each byte. Out: the content of a file or the target of a link, to be stored; of a
 * large file its size and SHA-256, read piece by piece; or what else is there. No link is followed, neither the last
 * part of the path nor one before it. Refused: what cannot be read.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink } from 'node:fs/promises';
import { fileOf, readable } from '../git/ask';
import { reading, stopIfCancelled } from '../signing/failures';

/** Larger files are not stored. */
export const LARGEST = 10 * 1024 * 1024;

const PIECE = 1024 * 1024;

/** What is at a path. */
export type Found =
  | { readonly kind: 'nothing' | 'folder' | 'special' }
  | { readonly kind: 'link'; readonly content: Buffer }
  | { readonly kind: 'file'; readonly content: Buffer; readonly executable: boolean }
  | { readonly kind: 'large'; readonly size: number; readonly sha256: string };

/** Looks at paths of one work tree. */
export class Files {
  readonly #folders = new Map<string, boolean>();

  constructor(
    readonly top: string,
    readonly signal?: AbortSignal | undefined,
  ) {}

  /**
   * What is at `path`; with `digest`, a file's size and hash whatever its size.
   *
   * @throws ThetaError `ERR_THETA_PROVENANCE_IO`, `ERR_THETA_CANCELLED`
   */
  async find(path: string, { digest = false } = {}): Promise<Found> {
    stopIfCancelled(this.signal);
    return reading(readable(path), async () => {
      if (!(await this.#isInFolder(path))) return { kind: 'nothing' };
      const file = fileOf(this.top, path);
      const stat = await lstatOf(file);
      if (!stat) return { kind: 'nothing' };
      if (stat.isDirectory()) return { kind: 'folder' };
      if (stat.isSymbolicLink())
        return { kind: 'link', content: await readlink(file, { encoding: 'buffer' }) };
      if (!stat.isFile()) return { kind: 'special' };
      return this.#read(file, digest);
    });
  }

  /** Whether all that is before the last slash are folders, none of them a link. */
  async #isInFolder(path: string): Promise<boolean> {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return true;
    const folder = path.slice(0, slash);
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const result =
      (await this.#isInFolder(folder)) &&
      ((await lstatOf(fileOf(this.top, folder)))?.isDirectory() ?? false);
    this.#folders.set(folder, result);
    return result;
  }

  async #read(path: Buffer, digest: boolean): Promise<Found> {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const file = await open(path, flags);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return { kind: 'special' };
      if (digest || stat.size > LARGEST) return await this.#digest(file);
      // One byte more than may be stored: it may grow meanwhile.
      const content = await readUpTo(file, Math.min(stat.size, LARGEST) + 1);
      if (content.length > LARGEST) return await this.#digest(file);
      return { kind: 'file', content, executable: (stat.mode & 0o100) !== 0 };
    } finally {
      await file.close();
    }
  }

  async #digest(file: FileHandle): Promise<Found> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(PIECE);
    let size = 0;
    for (;;) {
      stopIfCancelled(this.signal);
      const { bytesRead } = await file.read(buffer, 0, PIECE, size);
      if (bytesRead === 0) return { kind: 'large', size, sha256: hash.digest('hex') };
      hash.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  }
}

async function readUpTo(file: FileHandle, most: number): Promise<Buffer> {
  const content = Buffer.allocUnsafe(most);
  let length = 0;
  while (length < most) {
    const { bytesRead } = await file.read(content, length, most - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return content.subarray(0, length);
}

async function lstatOf(path: Buffer): Promise<Awaited<ReturnType<typeof lstat>> | null> {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}
