/**
 * The hash algorithms of file contents, under the names that the specification gives them.
 *
 * `blake3` is in its registry, too, as optional; node:crypto does not have it.
 */

/** A hash algorithm that files are signed with. */
export type FileHash = 'sha256' | 'blake2b';

/** What node:crypto calls each, and the length of its digest in bytes. */
export const FILE_HASHES: Readonly<Record<FileHash, { node: string; length: number }>> = {
  sha256: { node: 'sha256', length: 32 },
  blake2b: { node: 'blake2b512', length: 64 },
};

/** Whether files can be hashed with it here. */
export function isFileHash(name: string): name is FileHash {
  return Object.hasOwn(FILE_HASHES, name);
}
