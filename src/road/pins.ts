/**
 * Pins: objects that `git lfs prune` does not see a reason to keep, kept by us.
 *
 * git-lfs keeps what pointers in commits name. An object that only a manifest names (its commit
 * was made without our hooks, or is not made yet) is hard-linked to `<git dir>/theta/objects`, a
 * store that reads fall back to. A pin goes when a push has uploaded its object.
 */
import { copyFileSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Repository } from '../git/repository';
import { hasObject, objectPath } from '../lfs/store';
import type { ObjectRef } from '../manifest';

/** The folder with the pinned objects, in the fan-out of git-lfs. */
export function pinFolder(repo: Repository): string {
  return join(repo.thetaDir, 'objects');
}

/** Pins what is in the store and not pinned yet; how many. */
export function pin(repo: Repository, refs: Iterable<ObjectRef>): number {
  return link(refs, repo.objectsDir, pinFolder(repo));
}

/** Puts pinned objects back where git-lfs looks for them; how many. */
export function unpack(repo: Repository, refs: Iterable<ObjectRef>): number {
  return link(refs, pinFolder(repo), repo.objectsDir);
}

function link(refs: Iterable<ObjectRef>, from: string, to: string): number {
  let count = 0;
  for (const ref of refs) {
    if (hasObject(to, ref) || !hasObject(from, ref)) continue;
    const target = objectPath(to, ref.oid);
    mkdirSync(dirname(target), { recursive: true });
    place(objectPath(from, ref.oid), target);
    count++;
  }
  return count;
}

/** A hard link, or a copy where the file system has none. Never half a file under the name. */
function place(source: string, target: string): void {
  const temp = `${target}.${process.pid}.tmp`;
  try {
    linkSync(source, temp);
  } catch {
    copyFileSync(source, temp);
  }
  renameSync(temp, target);
  // Renaming one link over another of the same file leaves both.
  rmSync(temp, { force: true });
}

/** Removes pins. The objects themselves stay in git-lfs's store if they are there. */
export function unpin(repo: Repository, oids: Iterable<string>): number {
  let count = 0;
  for (const oid of oids) {
    const path = objectPath(pinFolder(repo), oid);
    try {
      rmSync(path);
      count++;
    } catch {
      // Not pinned.
    }
  }
  return count;
}

/** The oids of all pinned objects. */
export function pinned(repo: Repository): string[] {
  return folders(pinFolder(repo)).filter((name) => /^[0-9a-f]{64}$/.test(name));
}

function folders(root: string): string[] {
  const names = (path: string) => {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  };
  return names(root).flatMap((a) => names(join(root, a)).flatMap((b) => names(join(root, a, b))));
}
