/**
 * Gives up pins, without making git read the store files that are links to the same objects.
 *
 * In: oids. Out: none of them is pinned. A file with one link less has other stat data, so the index is told that its
 * content is what it was. Never fails: what the index does not know, git looks up itself.
 */
import { lstatSync } from 'node:fs';
import type { Repository } from '../git/repository';
import { objectPath } from '../lfs/store';
import type { ObjectRef } from '../manifest';
import { storeFiles } from '../store/paths';
import { unpin } from '../store/pins';
import { refreshIndex } from '../store/refresh';
import { knownFiles, modelsInIndex } from './models';

/** Removes the pins of these objects. */
export async function release(repo: Repository, oids: Iterable<string>): Promise<void> {
  const removed = unpin(repo, oids);
  if (removed.size === 0 || repo.isBare) return;
  try {
    const models = await modelsInIndex(repo, null);
    const known = new Map<string, ObjectRef>();
    for (const { path, manifest } of models) {
      for (const file of manifest ? storeFiles(manifest, path) : []) {
        if (removed.has(file.oid) && isObject(repo, file)) known.set(file.path, file);
      }
    }
    if (known.size === 0) return;
    await refreshIndex(repo, known, { models: knownFiles(models) });
  } catch {
    // A locked or read-only index: no reason to fail a push.
  }
}

/** Whether a store file in the work tree is the same file as its object. */
function isObject(repo: Repository, file: ObjectRef & { path: string }): boolean {
  const [here, there] = [repo.absolute(file.path), objectPath(repo.objectsDir, file.oid)].map(
    (path) => lstatSync(path, { throwIfNoEntry: false }),
  );
  return here !== undefined && here.ino === there?.ino && here.dev === there.dev;
}
