/**
 * Pins: objects that `git lfs prune` does not see a reason to keep, kept by us.
 *
 * git-lfs keeps what pointers in commits name. An object that only a manifest or the index names
 * (its commit was made without our hooks, or is not made yet, or is a stash) is hard-linked to
 * `<git dir>/theta/objects`, a store that reads fall back to. A pin goes when a push has uploaded
 * it, or when `git theta prune` finds no use for it: road/release.ts.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../git/repository';
import { hasObject, objectPath, placeObject } from '../lfs/store';
import type { ObjectRef } from '../manifest';

/** The folder with the pinned objects, in the fan-out of git-lfs. */
export function pinFolder(repo: Repository): string {
  return join(repo.thetaDir, 'objects');
}

/** Pins what is in the store and not pinned yet. `copy: false`: not where that takes a copy. */
export function pin(repo: Repository, refs: Iterable<ObjectRef>, o: { copy?: boolean } = {}): void {
  link(refs, repo.objectsDir, pinFolder(repo), repo.temp(), o);
}

/** Puts pinned objects back where git-lfs looks for them. */
export function unpack(repo: Repository, refs: Iterable<ObjectRef>): void {
  link(refs, pinFolder(repo), repo.objectsDir, repo.objectTemp());
}

function link(
  refs: Iterable<ObjectRef>,
  from: string,
  to: string,
  temp: string,
  o: { copy?: boolean } = {},
): void {
  for (const ref of refs) {
    if (hasObject(to, ref) || !hasObject(from, ref)) continue;
    placeObject(objectPath(from, ref.oid), objectPath(to, ref.oid), temp, o);
  }
}

/** Removes pins; which ones there were. The objects stay in git-lfs's store if they are there. */
export function unpin(repo: Repository, oids: Iterable<string>): Set<string> {
  const removed = new Set<string>();
  for (const oid of oids) {
    try {
      rmSync(objectPath(pinFolder(repo), oid));
      removed.add(oid);
    } catch {
      // Not pinned.
    }
  }
  return removed;
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
