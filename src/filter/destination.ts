/**
 * Where the objects of a checkpoint go that is read.
 *
 * In: whether the objects are to stay. Out: the repository's store, or a folder that is thrown away.
 *
 * Where git can store nothing, `git status` and `git diff` still read a changed checkpoint through the clean filter. All
 * that can come of the answer then is a comparison, which needs the hashes, not the objects.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../git/repository';

/** A place for objects. */
export interface Destination {
  /** The folder of objects, and one for temporary files on the same file system. */
  readonly store: string;
  readonly temp: string;
  /** Whether the objects stay. */
  readonly kept: boolean;
  /** Removes what does not stay. */
  discard(): void;
}

/** The place for objects. */
export function destination(repo: Repository, kept: boolean): Destination {
  if (kept) return { store: repo.objectsDir, temp: repo.objectTemp(), kept, discard() {} };
  const folder = mkdtempSync(join(repo.scratch(), 'git-theta-dry-'));
  const discard = () => rmSync(folder, { recursive: true, force: true });
  return { store: join(folder, 'objects'), temp: folder, kept, discard };
}
