/**
 * Checkpoints in git: tensors of any commit, without a checkout.
 */
import { ThetaError } from '../errors';
import { catFile } from '../git/objects';
import { Repository } from '../git/repository';
import { type Manifest, parseManifest } from '../manifest';
import { readTensor, type Tensor } from './checkpoint';

/** A repository with checkpoints. */
export interface ThetaRepository {
  /** Absolute path of the work tree; empty in a bare repository. */
  readonly workTree: string;

  /**
   * The manifest of a checkpoint.
   *
   * @param rev - a commit, branch or tag; `''` for the index
   * @param path - path from the root of the work tree, with slashes
   * @throws ThetaError `ERR_THETA_NOT_FOUND` when the revision has no such file,
   *   `ERR_THETA_BAD_MANIFEST` when git has something else than a manifest there
   */
  manifest(rev: string, path: string): Promise<Manifest>;

  /**
   * One tensor of a checkpoint. Only its own objects are read; they have to be here
   * (`git theta fetch REV` brings those of a revision).
   *
   * @param rev - a commit, branch or tag; `''` for the index
   * @param path - path from the root of the work tree, with slashes
   * @param name - the tensor's name, as in the manifest
   * @throws ThetaError those of `manifest`; `ERR_THETA_NOT_FOUND` when there is no such tensor,
   *   `ERR_THETA_MISSING_OBJECT`, `ERR_THETA_CORRUPT_OBJECT`, `ERR_THETA_CORRUPT_TENSOR`
   */
  tensor(rev: string, path: string, name: string): Promise<Tensor>;
}

/**
 * Opens the repository that a folder is in.
 *
 * @throws ThetaError `ERR_THETA_NOT_A_REPOSITORY`, `ERR_THETA_GIT_MISSING`
 */
export async function openRepository(dir: string = process.cwd()): Promise<ThetaRepository> {
  const repo = await Repository.discover(dir, { bare: true });
  const manifest = async (rev: string, path: string): Promise<Manifest> => {
    const blob = await catFile(repo, `${rev}:${path}`);
    if (blob) return parseManifest(blob);
    const where = rev === '' ? 'the index' : `'${rev}'`;
    throw new ThetaError('ERR_THETA_NOT_FOUND', `there is no '${path}' in ${where}`, { path });
  };
  return {
    workTree: repo.workTree,
    manifest,
    tensor: async (rev, path, name) => readTensor(await manifest(rev, path), name, repo.stores()),
  };
}
