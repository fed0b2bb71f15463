/**
 * What changed from one manifest to another, tensor by tensor.
 *
 * In: two manifests. Out: names that came, went or changed, and what about them. Equality is equality of hashes.
 */
import type { Manifest, TensorRecord } from './types';

/** `layout`: the same value of the same dtype and shape, but stored in another way. */
export type Aspect = 'dtype' | 'shape' | 'value' | 'layout';

/** A tensor that is in both manifests, but not the same. */
export interface Change {
  name: string;
  before: TensorRecord;
  after: TensorRecord;
  what: Aspect[];
}

/** The difference between two manifests. Lists are sorted by name. */
export interface Comparison {
  added: TensorRecord[];
  removed: TensorRecord[];
  changed: Change[];
  /** How many tensors are in both, with equal records. */
  unchanged: number;
  /** Whether everything that is not a tensor differs. */
  skeleton: boolean;
  /** Whether the format, or an opaque file's reason, differs. */
  format: boolean;
  /** Whether an opaque file's bytes differ. */
  pieces: boolean;
}

function sameList(a: readonly unknown[] = [], b: readonly unknown[] = []): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

function sameLayout(a: TensorRecord, b: TensorRecord): boolean {
  return (
    a.fill === b.fill &&
    a.same === b.same &&
    a.meta === b.meta &&
    sameList(a.order, b.order) &&
    sameList(a.chunks, b.chunks) &&
    a.view?.of === b.view?.of &&
    a.view?.storage === b.view?.storage &&
    a.view?.offset === b.view?.offset &&
    sameList(a.view?.strides, b.view?.strides)
  );
}

function aspects(before: TensorRecord, after: TensorRecord): Aspect[] {
  const what: Aspect[] = [];
  if (before.dtype !== after.dtype) what.push('dtype');
  if (!sameList(before.shape, after.shape)) what.push('shape');
  // The hash covers dtype and shape: another value is only news where these agree.
  if (what.length === 0 && before.hash !== after.hash) what.push('value');
  if (what.length === 0 && !sameLayout(before, after)) what.push('layout');
  return what;
}

/** Compares two manifests. */
export function compareManifests(before: Manifest, after: Manifest): Comparison {
  const old = new Map(before.tensors.map((record) => [record.tensor, record]));
  const added: TensorRecord[] = [];
  const changed: Change[] = [];
  let unchanged = 0;
  for (const record of after.tensors) {
    const previous = old.get(record.tensor);
    old.delete(record.tensor);
    if (!previous) {
      added.push(record);
      continue;
    }
    const what = aspects(previous, record);
    if (what.length === 0) unchanged++;
    else changed.push({ name: record.tensor, before: previous, after: record, what });
  }
  return {
    added,
    removed: [...old.values()],
    changed,
    unchanged,
    skeleton:
      before.skeleton?.hash !== after.skeleton?.hash ||
      before.stamped?.hash !== after.stamped?.hash,
    format: before.format !== after.format || before.reason !== after.reason,
    pieces: !sameList(before.pieces, after.pieces),
  };
}
