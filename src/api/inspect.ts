/**
 * What is in a checkpoint: its tensors, and what else there is to know of it.
 *
 * In: a file, a folder, or `REV:PATH` for a file of a commit. Out: an {@link Inspection}. Headers are read, and tensors' values
 * only for hashes that no manifest has; nothing in the file is executed, and nothing is downloaded. A file that exists
 * is taken before a revision of that name.
 *
 * Refused: what is none of these; folders of commits.
 */
import { readFileSync, statSync } from 'node:fs';
import { isThetaError, ThetaError } from '../errors';
import { readHead } from '../failure';
import { catFile, findObject, unpacked } from '../git/objects';
import { Repository } from '../git/repository';
import {
  looksLikeManifest,
  MAX_MANIFEST,
  type Manifest,
  parseManifest,
  type TensorRecord,
  toRecords,
} from '../manifest';
import { countElements } from '../manifest/dtype';
import { tensorBytes, valueBytes } from '../manifest/sizes';
import * as native from '../native';
import { type BriefStamp, briefStamp, briefStoredStamp } from '../provenance/stamping';
import type { WorkOptions } from './checkpoint';
import { namePattern } from './name-pattern';

/** A tensor of a file that was looked at. */
export interface InspectedTensor {
  /** The framework's own name; nested containers are joined by `/`. */
  readonly name: string;
  /**
   * The dtype's name, as Zarr and NumPy have it: `float32`, `bfloat16`, `float8_e4m3fn`; the format's own where it is
   * none of these, as of quantised blocks.
   */
  readonly dtype: string;
  /** Extents in elements, slowest axis of the framework first; empty for a scalar. */
  readonly shape: readonly number[];
  /** Bytes of its values. */
  readonly bytes: number;
  /** The tensor hash: from the manifest where there is one, else only when asked for. */
  readonly hash?: string;
  /** The tensor that this one is an alias of. */
  readonly same?: string;
  /** The tensor or storage whose bytes this one looks at. */
  readonly viewOf?: string;
  /** Why its values cannot be read. */
  readonly unread?: string;
  /** Of a model of several files: the one with its values, or with the first of them. */
  readonly file?: string;
}

/** A file of a model that has several. */
export interface InspectedFile {
  /** Path below the folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Its own format; `data` for a file that only its index can read. */
  readonly format: string;
  /** Tensors of the model with values in it. */
  readonly tensors: number;
}

/** What `torch.load(weights_only=True)` does with a file, judged by what its pickle asks for. */
export interface WeightsOnly {
  readonly loads: boolean;
  /** Whose rules: `torch 2.15`. */
  readonly rules: string;
  /** Why it does not load, one line each. */
  readonly because: readonly string[];
}

/** A file that was looked at. */
export interface Inspection {
  /** `torch-zip`, `safetensors`, …, or `opaque` for a file that is kept whole. */
  readonly format: string;
  /** Why the file is kept whole; only with `opaque`. */
  readonly reason?: string;
  /** The program that wrote it, as far as the file shows. */
  readonly writer?: string;
  /** Bytes of the file; absent for a manifest whose skeleton is not here. */
  readonly size?: number;
  /** Numbers in all tensors: aliases count once, truth values not at all. */
  readonly parameters: number;
  /** Sorted by name; those that were asked for. */
  readonly tensors: readonly InspectedTensor[];
  /** The tree of what is no tensor; long values are shortened. */
  readonly objects?: unknown;
  /** Every global that a pickle names, as `module.name`, sorted. */
  readonly globals?: readonly string[];
  readonly weightsOnly?: WeightsOnly;
  /** What the file says of the code that made it; absent when it says nothing. */
  readonly stamp?: BriefStamp;
  /** Files of a model that has several. */
  readonly files?: readonly InspectedFile[];
  /** What is missing among these files or contradicts itself, one line each. */
  readonly problems?: readonly string[];
  /** Bytes that were read of the file; absent where only a manifest was. */
  readonly bytesRead?: number;
  /** What the reader should know about how this was found out. */
  readonly notes?: readonly string[];
}

/** Options of {@link inspect}. */
export interface InspectOptions extends WorkOptions {
  /** Only tensors whose names match: `*.weight`, `optimizer/**`. */
  readonly tensors?: string | undefined;
  /** Hashes the values of the tensors, which reads them. */
  readonly hash?: boolean | undefined;
}

/**
 * Looks at a checkpoint.
 *
 * A folder, and a file that says where the tensors of others are (`*.index.json`, `.metadata`, …), is shown as one model
 * with the files of both.
 *
 * @param path - a file or folder, or `REV:PATH`: a commit, branch or tag (or nothing, for the index), and a path from the root of
 *   the work tree, or from the current folder when it begins with `./`
 * @throws ThetaError `ERR_THETA_NOT_FOUND`, `ERR_THETA_PERMISSION`, `ERR_THETA_IO`, `ERR_THETA_INVALID` for folders without a checkpoint;
 *   for `REV:PATH` those of opening a repository
 */
export async function inspect(path: string, options: InspectOptions = {}): Promise<Inspection> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() && found.size <= MAX_MANIFEST && looksLikeManifest(readHead(path, 64))) {
    const note = `'${path}' is a manifest: the checkpoint itself is not here`;
    const stores = await storesHere();
    return ofManifest(parseManifest(readFileSync(path)), stores, options, [note]);
  }
  if (found) {
    const inspection = await ofFile(path, options);
    const stamp = found.isFile() ? await briefStamp(path) : null;
    return stamp ? { ...inspection, stamp } : inspection;
  }
  const parts = /^([^:]*):(.+)$/s.exec(path);
  if (parts) return inspectRevision(parts[1] as string, parts[2] as string, path, options);
  throw new ThetaError('ERR_THETA_NOT_FOUND', `there is no file '${path}'`, {
    path,
    hint: 'Name a file or folder, or REV:PATH for a file of a commit.',
  });
}

/** Stores of the repository that we are in, if we are in one. */
async function storesHere(): Promise<string[]> {
  try {
    return (await Repository.discover(undefined, { bare: true })).stores();
  } catch (error) {
    if (isThetaError(error)) return [];
    throw error;
  }
}

async function inspectRevision(
  rev: string,
  file: string,
  spec: string,
  options: InspectOptions,
): Promise<Inspection> {
  const repo = await Repository.discover(undefined, { bare: true });
  const path = /^\.\.?\//.test(file) ? repo.relative(file) : file;
  const found = await findObject(repo, `${rev}:${path}`);
  if (!found) throw await notThere(repo, rev, path, spec);
  const { oid, type, size } = found;
  if (type !== 'blob') {
    throw new ThetaError('ERR_THETA_INVALID', `'${spec}' is a folder, not a checkpoint`, {
      path: spec,
      hint: 'Name a file in it: `git theta ls-files --rev` lists them.',
    });
  }
  const blob = size <= MAX_MANIFEST ? await catFile(repo, oid) : null;
  if (blob && looksLikeManifest(blob)) {
    return ofManifest(parseManifest(blob), repo.stores(), options, []);
  }
  return unpacked(repo, oid, (path) => ofFile(path, options));
}

async function notThere(
  repo: Repository,
  rev: string,
  path: string,
  spec: string,
): Promise<ThetaError> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{tree}`];
  const known = rev === '' || (await repo.git(args, { check: false })).code === 0;
  const message = known
    ? `there is no '${path}' in ${rev === '' ? 'the index' : `'${rev}'`}`
    : `there is no file '${spec}', and '${rev}' is no commit that is here`;
  return new ThetaError('ERR_THETA_NOT_FOUND', message, { path: spec });
}

/** What a file or folder says. */
async function ofFile(path: string, options: InspectOptions): Promise<Inspection> {
  const { tensors: pattern, hash, ...work } = options;
  const report = JSON.parse(await native.inspect(path, { ...work, hash: hash && !pattern }));
  if (!pattern) return report;
  const matches = namePattern(pattern);
  const chosen = (all: Inspection) => all.tensors.filter(({ name }) => matches(name));
  if (!hash) return { ...report, tensors: chosen(report) };
  const only = chosen(report).map(({ name }) => name);
  const hashed: Inspection = JSON.parse(await native.inspect(path, { ...work, hash, only }));
  return { ...hashed, tensors: chosen(hashed) };
}

/** What a manifest says; its skeleton, where it is here, tells the rest. */
async function ofManifest(
  manifest: Manifest,
  stores: readonly string[],
  options: InspectOptions,
  notes: string[],
): Promise<Inspection> {
  const matches = options.tensors === undefined ? () => true : namePattern(options.tensors);
  const { format, reason, pieces } = manifest;
  const described = pieces
    ? { size: valueBytes(manifest), parameters: 0, tensors: [] }
    : await bySkeleton(manifest, stores);
  if (!described) {
    notes.push('objects and globals are not shown: `git theta fetch` brings the skeleton');
  }
  const { tensors, ...rest } = described ?? byRecords(manifest);
  return {
    format,
    ...(reason === undefined ? {} : { reason }),
    ...rest,
    tensors: tensors.filter(({ name }) => matches(name)),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/** Everything but the format; null when the skeleton is not here. */
async function bySkeleton(
  manifest: Manifest,
  stores: readonly string[],
): Promise<Omit<Inspection, 'format'> | null> {
  try {
    const records = toRecords(manifest);
    const described = JSON.parse(await native.describe(records, [...stores]));
    const hashes = new Map(manifest.tensors.map(({ tensor, hash }) => [tensor, hash]));
    const tensors = described.tensors.map((tensor: InspectedTensor) => {
      const hash = hashes.get(tensor.name);
      return hash === undefined ? tensor : { ...tensor, hash };
    });
    const stamp = await briefStoredStamp(records, [...stores]);
    return { ...described, tensors, ...(stamp ? { stamp } : {}) };
  } catch (error) {
    if (isThetaError(error, 'ERR_THETA_MISSING_OBJECT')) return null;
    throw error;
  }
}

/** What the records of tensors tell without any object. */
function byRecords(manifest: Manifest): Pick<Inspection, 'parameters' | 'tensors'> {
  const tensors = manifest.tensors.map(inspected);
  const counted = tensors.filter(({ same, dtype }) => same === undefined && dtype !== 'bool');
  const numbers = counted.map(({ shape }) => countElements(shape) ?? 0);
  return { parameters: numbers.reduce((sum, number) => sum + number, 0), tensors };
}

function inspected(tensor: TensorRecord): InspectedTensor {
  const { tensor: name, dtype, shape, hash, same, view } = tensor;
  const viewOf = view?.of ?? view?.storage;
  return {
    name,
    dtype,
    shape,
    bytes: tensorBytes(tensor),
    hash,
    ...(same === undefined ? {} : { same }),
    ...(viewOf === undefined || viewOf === name ? {} : { viewOf }),
  };
}
