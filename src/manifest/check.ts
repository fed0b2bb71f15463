/**
 * Rules over whole records: whether the parts of a record fit each other, and whether records fit each other.
 *
 * In: records in canonical form. Refused, with line and rule: a list of chunks of the wrong length, a fill value of the
 * wrong width, an order that is none, `same` and `view` that point nowhere or disagree, a group too many or too few.
 */

import { countBytes, countElements, findDtype, storedBits, storedShape } from './dtype';
import { fail } from './failure';
import { chunkCount } from './grid';
import type { Manifest, SkeletonRecord, StorageRecord, TensorRecord } from './types';

function checkChunks(
  chunks: readonly unknown[],
  shape: number[],
  bytes: number,
  line: number,
): void {
  const expected = chunkCount(shape, bytes);
  if (chunks.length === expected) return;
  throw fail(line, 'chunks', `${chunks.length} chunks where the grid has ${expected}`);
}

/** The skeleton's chunks. */
export function checkSkeleton(record: SkeletonRecord, line: number): void {
  checkChunks(record.chunks, [record.size], record.size, line);
}

/** A storage's chunks or fill. */
export function checkStorage(record: StorageRecord, line: number): void {
  if (record.fill !== undefined) {
    if (record.fill.length !== 4) throw fail(line, 'fill', "'fill' of a storage is one byte");
    return;
  }
  if (record.size === 1) throw fail(line, 'fill', "an array of one element has 'fill', no chunks");
  checkChunks(record.chunks ?? [], [record.size], record.size, line);
}

function checkOrder(record: TensorRecord, line: number): void {
  const { order, shape } = record;
  if (order === undefined) return;
  if (record.same !== undefined || record.view !== undefined) {
    throw fail(line, 'order', "'order' of a tensor without an array");
  }
  const permutation = order.length === shape.length && new Set(order).size === order.length;
  if (!permutation || order.some((axis) => axis >= shape.length)) {
    throw fail(line, 'order', "'order' is not a permutation of the axes");
  }
  if (order.some((axis, at) => axis !== at && (shape[axis] === 1 || shape[at] === 1))) {
    throw fail(line, 'order', "'order' moves an axis of extent 1");
  }
  if (order.every((axis, at) => axis === at)) throw fail(line, 'order', "'order' is C order");
}

/** A tensor on its own. */
export function checkTensor(record: TensorRecord, line: number): void {
  const dtype = findDtype(record.dtype);
  if (!dtype) throw fail(line, 'dtype', `unknown dtype '${record.dtype}'`);
  checkOrder(record, line);
  const bytes = countBytes(dtype, record.shape);
  if (bytes === null) throw fail(line, 'shape', 'the tensor is too large to be counted');
  const empty = record.shape.includes(0);
  if (empty && record.fill === undefined) {
    throw fail(line, 'fill', "a tensor without elements has 'fill'");
  }
  if (record.fill !== undefined) {
    const digits = storedBits(dtype) / 4;
    if (record.fill.length !== 2 + digits) {
      throw fail(line, 'fill', `'fill' of ${record.dtype} has ${digits} digits`);
    }
    const zero = /^0x0*$/.test(record.fill);
    if (empty && !zero) throw fail(line, 'fill', "'fill' of a tensor without elements is zero");
    if (record.dtype === 'bool' && !zero && record.fill !== '0x01') {
      throw fail(line, 'fill', "'fill' of bool is 0x00 or 0x01");
    }
    return;
  }
  if (record.view && record.view.strides.length !== record.shape.length) {
    throw fail(line, 'view', "'strides' and 'shape' differ in length");
  }
  if (!record.chunks) return;
  const stored = storedShape(dtype, record.shape, record.order);
  if (countElements(stored) === 1 && record.dtype !== 'bool') {
    throw fail(line, 'fill', "an array of one element has 'fill', no chunks");
  }
  checkChunks(record.chunks, stored, bytes, line);
}

function checkSame(record: TensorRecord, tensors: Map<string, TensorRecord>, line: number): void {
  const target = tensors.get(record.same ?? '');
  if (!target) throw fail(line, 'same', `'same' names no tensor: '${record.same}'`);
  if (target === record) throw fail(line, 'same', "'same' names the tensor itself");
  if (target.same !== undefined) throw fail(line, 'same', "'same' names a tensor that is a 'same'");
  const shapes = target.shape.length === record.shape.length;
  if (
    target.hash !== record.hash ||
    target.dtype !== record.dtype ||
    !shapes ||
    target.shape.some((extent, axis) => extent !== record.shape[axis])
  ) {
    throw fail(
      line,
      'same',
      `'same' and its target '${record.same}' differ in dtype, shape or hash`,
    );
  }
}

/** Bytes from the start of the array's memory to the end of the view's last element; null when that is too much to count. */
function viewExtent(record: TensorRecord): number | null {
  const dtype = findDtype(record.dtype);
  if (!record.view || !dtype) return null;
  let last = record.view.offset;
  record.view.strides.forEach((stride, axis) => {
    last += ((record.shape[axis] ?? 1) - 1) * stride;
  });
  const bytes = Math.ceil(((last + 1) * dtype.bits) / 8);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

function checkView(
  record: TensorRecord,
  tensors: Map<string, TensorRecord>,
  storages: Map<string, StorageRecord>,
  line: number,
): void {
  const view = record.view;
  if (!view) return;
  let available: number | null | undefined;
  if (view.of !== undefined) {
    const target = tensors.get(view.of);
    if (!target) throw fail(line, 'view', `'view' names no tensor: '${view.of}'`);
    const dtype = findDtype(target.dtype);
    if (!dtype || (target.chunks === undefined && target.fill === undefined)) {
      throw fail(line, 'view', `'view' names a tensor without an array: '${view.of}'`);
    }
    available = countBytes(dtype, target.shape);
  } else {
    available = storages.get(view.storage ?? '')?.size;
    if (available === undefined) {
      throw fail(line, 'view', `'view' names no storage: '${view.storage}'`);
    }
  }
  const needed = viewExtent(record);
  if (needed === null || needed > (available ?? 0)) {
    throw fail(line, 'view', "'view' reaches beyond the end of its array");
  }
}

/** Every group that the names demand; `''` is the root. */
export function groupsOf(names: Iterable<string>): Set<string> {
  const groups = new Set<string>(['']);
  for (const name of names) {
    let end = name.lastIndexOf('/');
    while (end >= 0) {
      const group = name.slice(0, end);
      if (groups.has(group)) break;
      groups.add(group);
      end = group.lastIndexOf('/');
    }
  }
  return groups;
}

/** Records against each other. `lines`: where the first group, storage and tensor are. */
export function checkManifest(
  manifest: Manifest,
  lines: { group: number; storage: number; tensor: number },
): void {
  const tensors = new Map(manifest.tensors.map((record) => [record.tensor, record]));
  const storages = new Map(manifest.storages.map((record) => [record.storage, record]));
  manifest.tensors.forEach((record, index) => {
    const line = lines.tensor + 2 * index;
    if (record.same !== undefined) checkSame(record, tensors, line);
    else if (record.view !== undefined) checkView(record, tensors, storages, line);
  });
  const needed = groupsOf(tensors.keys());
  manifest.groups.forEach((record, index) => {
    if (!needed.delete(record.group)) {
      throw fail(lines.group + 2 * index, 'groups', `no tensor is in group '${record.group}'`);
    }
  });
  for (const group of needed) throw fail(lines.group, 'groups', `group '${group}' is missing`);
}
