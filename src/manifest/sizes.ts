/**
 * How large things are that a manifest describes, without any object being read.
 */
import { countBytes, findDtype } from './dtype';
import { manifestObjects } from './objects';
import type { Manifest, TensorRecord } from './types';

/** Bytes of a tensor's values; 0 for a dtype without a countable size. */
export function tensorBytes(tensor: TensorRecord): number {
  const dtype = findDtype(tensor.dtype);
  return (dtype && countBytes(dtype, tensor.shape)) ?? 0;
}

/** Bytes of all values once: what is `same` as another tensor or a view of it does not count. */
export function valueBytes(manifest: Manifest): number {
  let bytes = 0;
  for (const tensor of manifest.tensors) {
    if (tensor.same === undefined && !tensor.view) bytes += tensorBytes(tensor);
  }
  for (const storage of manifest.storages) bytes += storage.size;
  for (const piece of manifest.pieces ?? []) bytes += Number(piece.slice(piece.indexOf(':') + 1));
  return bytes;
}

/** Bytes of all objects that the manifest needs: what it costs on a server. */
export function storedBytes(manifest: Manifest): number {
  return manifestObjects(manifest).reduce((sum, { size }) => sum + size, 0);
}
