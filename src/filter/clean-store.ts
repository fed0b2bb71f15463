/**
 * Clean of a store file: its bytes become a Git LFS object, and git gets the pointer.
 *
 * In: the content of a file below `.git_theta` as git streams it. Out: the pointer's text, and the object in the
 * repository's store, as `git lfs clean` would do, unless git itself can store nothing there. What is a pointer already (a file that the hook has yet to fill)
 * comes back unchanged.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAll } from '../failure';
import type { Repository } from '../git/repository';
import { MAX_POINTER, parsePointer, printPointer } from '../lfs/pointer';
import { findObject, objectPath, placeObject } from '../lfs/store';
import { destination } from './destination';

/** Cleans one store file. */
export async function cleanStoreFile(
  repo: Repository,
  content: Iterable<Uint8Array>,
): Promise<string> {
  const place = destination(repo, !repo.isReadOnly());
  const folder = mkdtempSync(join(place.temp, 'store-'));
  try {
    const file = join(folder, 'content');
    const { start, object } = receive(file, content);
    if (object.size === 0) return '';
    if (object.size === start.length && parsePointer(start)) return start.toString('latin1');
    if (place.kept && findObject(repo.stores(), object) === null) {
      placeObject(file, objectPath(repo.objectsDir, object.oid), repo.objectTemp());
    }
    return printPointer(object);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    place.discard();
  }
}

/** Writes the content to a file; its name and size, and as much of its start as a pointer has. */
function receive(file: string, content: Iterable<Uint8Array>) {
  const hash = createHash('sha256');
  let size = 0;
  let start = Buffer.alloc(0);
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    for (const piece of content) {
      if (start.length < MAX_POINTER) {
        start = Buffer.concat([start, piece.subarray(0, MAX_POINTER - start.length)]);
      }
      size += piece.length;
      hash.update(piece);
      writeAll(file, descriptor, piece);
    }
  } finally {
    closeSync(descriptor);
  }
  return { start, object: { oid: hash.digest('hex'), size } };
}
