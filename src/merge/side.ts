/**
 * One side of a merge, as git hands it to a driver: a file with the blob as it is stored.
 *
 * In: the file. Out: a manifest, or what else it is. A checkpoint that was committed before git-theta tracked it is met
 * as it is, and may have any size: only its first bytes are read.
 */
import { readFileSync } from 'node:fs';
import { isThetaError } from '../errors';
import { readHead } from '../failure';
import { parsePointer } from '../lfs/pointer';
import { looksLikeManifest, type Manifest, parseManifest } from '../manifest';

/** What a side is. `absent`: nothing there, or an empty file. `crossed`: see {@link CROSSED}. */
export type Side =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'absent' | 'pointer' | 'checkpoint' | 'broken' | 'crossed' };

/**
 * Stands for a common ancestor that git made up from several, and that could not be made: the ancestors themselves
 * conflict. It is no manifest, so nothing can be taken for unchanged against it.
 */
export const CROSSED = 'git-theta: the common ancestors of this merge conflict\n';

/** More than any pointer of Git LFS has. */
const HEAD = 1024;

/** Tells content apart. `whole` is called at most once, and only when the beginning does not decide. */
export function sideOf(head: Buffer, whole: () => Buffer): Side {
  if (head.length === 0) return { kind: 'absent' };
  if (head.toString() === CROSSED) return { kind: 'crossed' };
  if (parsePointer(head)) return { kind: 'pointer' };
  if (!looksLikeManifest(head)) return { kind: 'checkpoint' };
  try {
    return { kind: 'manifest', manifest: parseManifest(whole()) };
  } catch (error) {
    if (isThetaError(error, 'ERR_THETA_BAD_MANIFEST')) return { kind: 'broken' };
    throw error;
  }
}

/** Reads a side. */
export function readSide(file: string): Side {
  return sideOf(readHead(file, HEAD), () => readFileSync(file));
}

const WORDS: Readonly<Record<Exclude<Side['kind'], 'manifest'>, string>> = {
  absent: 'is missing',
  pointer: 'is a Git LFS pointer, from before git-theta tracked it',
  checkpoint: 'is a plain file, from before git-theta tracked it',
  broken: 'is a manifest that cannot be read',
  crossed: 'is a conflict of common ancestors',
};

/** What a side is that has no manifest, as the rest of a sentence. */
export function describeSide(side: Side): string {
  return side.kind === 'manifest' ? 'is a manifest' : WORDS[side.kind];
}
