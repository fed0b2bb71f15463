/**
 * Objects that a manifest needs and that this machine lacks.
 */
import type { Repository } from '../git/repository';
import { findObject } from '../lfs/store';
import { manifestObjects } from '../manifest/objects';
import type { Manifest, ObjectRef } from '../manifest/types';

/** The manifest's objects that are in none of the repository's stores. */
export function missingObjects(repo: Repository, manifest: Manifest): ObjectRef[] {
  const stores = repo.stores();
  return manifestObjects(manifest).filter((ref) => findObject(stores, ref) === null);
}
