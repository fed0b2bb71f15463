/**
 * The digests of files.
 *
 * In: files. Out: for each its digest, or with a shard size one digest for each part. Several files
 * are read at once, each through two buffers of 1 MiB, so one is read while the other is hashed.
 * Refused: what is not a file once it is open, a file that changes while it is read.
 */
import { createHash, type Hash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { ThetaError } from '../../errors';
import { FILE_HASHES, type FileHash } from './algorithms';
import { reading, refused, stopIfCancelled } from './failures';
import type { ModelFile } from './walk';

/** How far it is. */
export interface SigningProgress {
  readonly bytes: number;
  readonly total: number;
}

/** How files are hashed. */
export interface DigestOptions {
  readonly hash: FileHash;
  /** Whether a file may be a link. */
  readonly allowSymlinks: boolean;
  /** The bytes of a part; a file without any bytes then has no parts. */
  readonly shardSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: SigningProgress) => void) | undefined;
}

/** The digests of a file. */
export interface FileDigests {
  readonly file: ModelFile;
  /** In hex: one, or one for each part. */
  readonly digests: readonly string[];
  readonly size: number;
}

const CHUNK = 1 << 20;

function flags(allowSymlinks: boolean): number {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  return O_RDONLY | O_NONBLOCK | (allowSymlinks ? 0 : O_NOFOLLOW);
}

const unchanged = (a: Stats, b: Stats): boolean =>
  a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino;

/** Calls `take` with each piece of a file; the next one is read meanwhile. */
async function pieces(handle: FileHandle, take: (piece: Buffer) => void): Promise<void> {
  let [current, other] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
  let pending = handle.read(current, 0, CHUNK);
  for (;;) {
    const { bytesRead } = await pending;
    if (bytesRead === 0) return;
    pending = handle.read(other, 0, CHUNK);
    try {
      take(current.subarray(0, bytesRead));
    } catch (error) {
      // The file is not closed under a read.
      await pending.catch(() => {});
      throw error;
    }
    [current, other] = [other, current];
  }
}

/** Feeds bytes to hashes, a new one for each part. */
class PartHashes {
  readonly #algorithm: string;
  readonly #shardSize: number;
  readonly #whole: boolean;
  #hash: Hash | undefined;
  #room = 0;
  readonly digests: string[] = [];

  constructor(hash: FileHash, shardSize: number | undefined) {
    this.#algorithm = FILE_HASHES[hash].node;
    this.#whole = shardSize === undefined;
    this.#shardSize = shardSize ?? Number.POSITIVE_INFINITY;
  }

  update(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (!this.#hash || this.#room === 0) this.#next();
      const piece = bytes.subarray(at, at + this.#room);
      this.#hash?.update(piece);
      this.#room -= piece.length;
      at += piece.length;
    }
  }

  #next(): void {
    this.#finish();
    this.#hash = createHash(this.#algorithm);
    this.#room = this.#shardSize;
  }

  #finish(): void {
    if (this.#hash) this.digests.push(this.#hash.digest('hex'));
    this.#hash = undefined;
  }

  end(): string[] {
    if (this.#whole && !this.#hash) this.#next();
    this.#finish();
    return this.digests;
  }
}

/** The digests of one file; `onBytes` hears how many bytes were read. */
export function digestFile(
  file: ModelFile,
  options: DigestOptions,
  onBytes: (bytes: number) => void = () => {},
): Promise<FileDigests> {
  return reading(file.path, async () => {
    const handle = await open(file.path, flags(options.allowSymlinks));
    try {
      const before = await handle.stat();
      if (!before.isFile()) throw refused(`${file.path}: is not a file`, { path: file.path });
      const hashes = new PartHashes(options.hash, options.shardSize);
      let size = 0;
      await pieces(handle, (piece) => {
        stopIfCancelled(options.signal);
        size += piece.length;
        if (size <= before.size) hashes.update(piece);
        if (size > before.size) throw changed(file.path);
        onBytes(piece.length);
      });
      if (size !== before.size || !unchanged(before, await handle.stat())) throw changed(file.path);
      return { file, digests: hashes.end(), size };
    } finally {
      await handle.close();
    }
  });
}

function changed(path: string): ThetaError {
  return refused(`${path}: changed while it was read`, {
    path,
    hint: 'Wait until the program that writes it has finished, then try again.',
  });
}

/** The digests of files, in their order. `total` is how many bytes they have, for the progress. */
export async function digestFiles(
  files: readonly ModelFile[],
  total: number,
  options: DigestOptions,
): Promise<FileDigests[]> {
  const results: FileDigests[] = [];
  let next = 0;
  let bytes = 0;
  const onBytes = (more: number) => {
    bytes += more;
    options.onProgress?.({ bytes, total });
  };
  async function work(): Promise<void> {
    try {
      for (let at = next++; at < files.length; at = next++) {
        stopIfCancelled(options.signal);
        results[at] = await digestFile(files[at] as ModelFile, options, onBytes);
      }
    } catch (error) {
      // The others finish their file and take no more.
      next = files.length;
      throw error;
    }
  }
  const workers = Math.min(files.length, Math.max(2, Math.min(8, availableParallelism())));
  const outcomes = await Promise.allSettled(Array.from({ length: workers }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return results;
}
