/**
 * Checkpoints without git: taking files apart and putting them together.
 *
 * In: a path or bytes, and a folder for objects. Out: a manifest, and the same bytes again. The
 * folder has git-lfs's fan-out (`ab/cd/<oid>`), so it can be a repository's own `.git/lfs/objects`.
 */
import { mkdirSync } from 'node:fs';
import { ThetaError } from '../errors';
import { fromRecords, type Manifest, manifestObjects, parseManifest, toRecords } from '../manifest';
import * as native from '../native';

/** How far a piece of work is. Sizes are in bytes of the checkpoint. */
export type ProgressEvent = native.ProgressEvent;

/** Options that everything long-running takes. */
export interface WorkOptions {
  /** Stops the work; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called about ten times a second, and once at the end. */
  readonly onProgress?: (event: ProgressEvent) => void;
}

/** Options of {@link decompose}. */
export interface DecomposeOptions extends WorkOptions {
  /** Folder that objects are written to; it is made if it does not exist. */
  readonly store: string;
  /** Manifests of earlier versions: equal tensors keep the objects that these name. */
  readonly previous?: readonly Manifest[];
}

/** Options of {@link compose}. */
export interface ComposeOptions extends WorkOptions {
  /** Folder with the objects, or several that are searched in order. */
  readonly store: string | readonly string[];
  /** File to write. It appears when it is complete, replacing what was there. */
  readonly output: string;
}

/**
 * Takes a checkpoint apart and writes its tensors as objects.
 *
 * No content is refused: what cannot be split is kept whole, in pieces, with
 * `format: 'opaque'` and a reason. That the file can be rebuilt is verified before this resolves.
 * Nothing in the file is executed.
 *
 * @param source - path of the file, or its bytes (not copied: leave them alone until this settles)
 * @returns the manifest; it names every object that {@link compose} needs
 * @throws ThetaError `ERR_THETA_NOT_FOUND`, `ERR_THETA_PERMISSION`, `ERR_THETA_DISK_FULL`,
 *   `ERR_THETA_IO`; `ERR_THETA_SOURCE_CHANGED` when the file changes while it is read
 */
export async function decompose(
  source: string | Uint8Array,
  options: DecomposeOptions,
): Promise<Manifest> {
  const { store, previous = [], ...work } = options;
  mkdirSync(store, { recursive: true });
  const { records } = await native.decompose(source, {
    ...work,
    store,
    previous: previous.map(toRecords),
  });
  return fromRecords(records);
}

/**
 * Puts a checkpoint together, byte for byte, in memory that does not grow with it.
 *
 * Every object's SHA-256 and every tensor's hash is verified.
 *
 * @param manifest - the manifest or its text
 * @returns the file's size in bytes
 * @throws ThetaError `ERR_THETA_MISSING_OBJECT`, `ERR_THETA_CORRUPT_OBJECT`,
 *   `ERR_THETA_CORRUPT_TENSOR`, `ERR_THETA_BAD_MANIFEST`, `ERR_THETA_DISK_FULL`, `ERR_THETA_IO`
 */
export async function compose(
  manifest: Manifest | string,
  options: ComposeOptions,
): Promise<{ readonly bytes: number }> {
  const { store, output, ...work } = options;
  const stores = typeof store === 'string' ? [store] : [...store];
  return native.compose(toRecords(asManifest(manifest)), { ...work, stores, output });
}

/** A manifest as an object, whichever form it was given in. */
function asManifest(manifest: Manifest | string): Manifest {
  return typeof manifest === 'string' ? parseManifest(manifest) : manifest;
}

/**
 * The values of one tensor of a manifest.
 *
 * @param manifest - the manifest or its text
 * @param name - the tensor's name, as in the manifest
 * @param store - folder with the objects, or several that are searched in order
 * @throws ThetaError `ERR_THETA_NOT_FOUND` when there is no such tensor; those of {@link compose}
 */
export async function readTensor(
  manifest: Manifest | string,
  name: string,
  store: string | readonly string[],
): Promise<Tensor> {
  const whole = asManifest(manifest);
  const record = whole.tensors.find(({ tensor }) => tensor === name);
  if (!record) {
    throw new ThetaError('ERR_THETA_NOT_FOUND', `there is no tensor '${name}'`, {
      tensor: name,
      hint: 'List the tensors with `git theta ls-files --tensors`.',
    });
  }
  const stores = typeof store === 'string' ? [store] : [...store];
  const data = await native.readTensor(toRecords(whole), name, stores);
  return { dtype: record.dtype, shape: record.shape, data };
}

/** A tensor with its values. */
export interface Tensor {
  readonly dtype: string;
  /** Extents in elements; empty for a scalar. */
  readonly shape: readonly number[];
  /** The values in C order, little-endian, without padding: `product(shape) × size of dtype` bytes. */
  readonly data: Buffer;
}

/**
 * The objects that a manifest needs, each once: SHA-256 and size in bytes.
 */
export function objectsOf(manifest: Manifest | string): { oid: string; size: number }[] {
  return manifestObjects(asManifest(manifest));
}
