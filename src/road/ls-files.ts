/**
 * `git theta ls-files`: the checkpoints of the index or of a revision, and what is in them.
 *
 * In: paths, or nothing for all models. Out: format, tensors and sizes, read from the manifests
 * alone: no object is needed.
 */
import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import type { TensorRecord } from '../manifest';
import { storedBytes, tensorBytes, valueBytes } from '../manifest/sizes';
import { type Model, modelsInIndex, modelsInTree, selectModels } from './models';

/** One tensor; `bytes` are those of its values. */
export interface ListedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly hash: string;
}

/** One model. */
export interface ListedModel {
  readonly path: string;
  /** Null when git has the file as it is and not as a manifest. */
  readonly format: string | null;
  /** Why the file is kept whole, when it is. */
  readonly reason?: string;
  readonly tensorCount: number;
  /** Bytes of all values, each once. */
  readonly bytes: number;
  /** Bytes of the objects that hold them. */
  readonly stored: number;
  readonly tensors?: readonly ListedTensor[];
}

/** Lists models. `tensors`: with their tensors. */
export async function listModels(
  repo: Repository,
  paths: readonly string[],
  options: { rev?: string | undefined; tensors?: boolean | undefined } = {},
): Promise<ListedModel[]> {
  const models = options.rev
    ? await inRevision(repo, options.rev, paths)
    : await modelsInIndex(repo, await selected(repo, paths));
  return models.map((model) => describeModel(model, options.tensors ?? false));
}

async function selected(repo: Repository, paths: readonly string[]): Promise<string[] | null> {
  return paths.length === 0 ? null : selectModels(repo, paths, { worktree: false });
}

async function inRevision(
  repo: Repository,
  rev: string,
  paths: readonly string[],
): Promise<Model[]> {
  await repo.git(['rev-parse', '--verify', `${rev}^{tree}`]);
  const models = await modelsInTree(repo, rev);
  if (paths.length === 0) return models;
  const wanted = paths.map((path) => repo.relative(path));
  const found = models.filter(({ path }) =>
    wanted.some((name) => name === '' || name === path || path.startsWith(`${name}/`)),
  );
  if (found.length > 0) return found;
  const names = paths.join(', ');
  throw new ThetaError('ERR_THETA_NOT_TRACKED', `${rev} has no tracked checkpoint '${names}'`);
}

function describeModel({ path, manifest }: Model, tensors: boolean): ListedModel {
  if (!manifest) return { path, format: null, tensorCount: 0, bytes: 0, stored: 0 };
  return {
    path,
    format: manifest.format,
    ...(manifest.reason === undefined ? {} : { reason: manifest.reason }),
    tensorCount: manifest.tensors.length,
    bytes: valueBytes(manifest),
    stored: storedBytes(manifest),
    ...(tensors ? { tensors: manifest.tensors.map(listed) } : {}),
  };
}

function listed(tensor: TensorRecord): ListedTensor {
  const { tensor: name, dtype, shape, hash } = tensor;
  return { name, dtype, shape, bytes: tensorBytes(tensor), hash };
}
