/**
 * Git LFS pointers.
 *
 * In: an object's oid and size. Out: the text that git stores in its place, and back. Anything but the canonical text
 * is no pointer: not older versions, not extensions, not other white space.
 */
import type { ObjectRef } from '../manifest/types';

/** No canonical pointer is longer. */
export const MAX_POINTER = 160;

const POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,15})\n$/;

/** The pointer of an object. */
export function printPointer({ oid, size }: ObjectRef): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`;
}

/** The object of a canonical pointer; null for everything else. */
export function parsePointer(bytes: Uint8Array): ObjectRef | null {
  if (bytes.length > MAX_POINTER) return null;
  const found = POINTER.exec(Buffer.from(bytes).toString('latin1'));
  const [, oid, size] = found ?? [];
  if (oid === undefined || !Number.isSafeInteger(Number(size))) return null;
  return { oid, size: Number(size) };
}

/** Git LFS looks for a pointer in files of at most this size. */
export const POINTER_LIKE = 1024;

/**
 * Whether Git LFS may take content for a pointer, of any version and with extensions: then it would store it as it is
 * wherever it finds it. True for more than that, never for less.
 */
export function looksLikePointer(bytes: Uint8Array): boolean {
  if (bytes.length > POINTER_LIKE) return false;
  const text = Buffer.from(bytes).toString('latin1');
  return /^\s*version [\t\n\r -~]*$/.test(text) && /git-lfs|hawser|git-media/.test(text);
}
