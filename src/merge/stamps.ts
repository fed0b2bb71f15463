/**
 * The manifests of a merge without the stamps that are in them.
 *
 * In: the manifests of two or three versions. Out: what the files without stamps have. A stamp is that of one file: it
 * names its tensors, and an archive's tail states their CRCs. So a file in which the tensors of two meet has neither
 * stamp. Stamps are in skeletons, whose objects are read, and fetched where they are missing; the skeleton without the
 * stamp is written to Git LFS's store. Refused: skeletons that are not here and cannot be fetched, unless all versions
 * have the same one.
 */
import { isThetaError, ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import { fetchObjects } from '../lfs/transfer';
import { fromRecords, type Manifest, toRecords } from '../manifest';
import * as native from '../native';
import { missingObjects } from '../store/missing';

/** Formats that have room for a stamp. */
const FORMATS: ReadonlySet<string> = new Set(['gguf', 'onnx', 'safetensors', 'torch-zip']);

/** Takes the stamps out of the versions of one model. */
export type Unstamp = (versions: readonly Manifest[]) => Promise<Manifest[]>;

/** The part of a manifest that a stamp can be in. */
const frame = (manifest: Manifest): Manifest => ({
  ...manifest,
  groups: [],
  storages: [],
  tensors: [],
});

async function fetchSkeletons(repo: Repository, manifests: readonly Manifest[]): Promise<void> {
  const missing = manifests.flatMap((manifest) => missingObjects(repo, frame(manifest)));
  if (missing.length === 0) return;
  try {
    await fetchObjects(repo, missing, {});
  } catch (error) {
    if (!isThetaError(error)) throw error;
    throw new ThetaError(
      'ERR_THETA_MISSING_OBJECT',
      'what is not a tensor is not here and cannot be fetched, so nobody can tell whether the file is stamped',
      { hint: error.message, cause: error },
    );
  }
}

/**
 * Takes stamps out of the manifests of a repository.
 *
 * @throws ThetaError `ERR_THETA_MISSING_OBJECT` for skeletons that are not to be had.
 */
export function unstamper(repo: Repository): Unstamp {
  return async (versions) => {
    const stampable = versions.filter(
      ({ format, skeleton }) => skeleton !== undefined && FORMATS.has(format),
    );
    try {
      await fetchSkeletons(repo, stampable);
    } catch (error) {
      // The same skeleton fits all versions, stamped or not.
      const hashes = new Set(versions.map(({ skeleton }) => skeleton?.hash));
      if (hashes.size === 1) return [...versions];
      throw error;
    }
    const unstamp = async (manifest: Manifest): Promise<Manifest> => {
      if (!stampable.includes(manifest)) return manifest;
      const records = await native.unstampedRecords(
        toRecords(manifest),
        repo.stores(),
        repo.objectsDir,
        repo.objectTemp(),
      );
      return records === null ? manifest : fromRecords(records);
    };
    return Promise.all(versions.map(unstamp));
  };
}
