/**
 * What a manifest says, record by record.
 *
 * The interfaces are the records of the text format one to one, so that a record in memory, a line in a manifest and
 * what the native core is given are the same thing. Specification: docs/format/manifest.md.
 */

/** An object of the store: `<oid>:<bytes>`, the oid in 64 lower-case hexadecimal digits. */
export type ObjectText = string;

/** An object of the store, taken apart. */
export interface ObjectRef {
  /** SHA-256 of the object's bytes, 64 lower-case hexadecimal digits. */
  oid: string;
  /** Length in bytes. */
  size: number;
}

/** Everything of the checkpoint that is not a tensor. */
export interface SkeletonRecord {
  /** Bytes of the skeleton container. */
  size: number;
  hash: string;
  chunks: ObjectText[];
  meta: ObjectText;
}

/** The skeleton of a stamped file. */
export interface StampedRecord extends SkeletonRecord {
  /**
   * What it is the stamp of: a hash over the skeleton without the stamp, storages and tensors. Where it is another, as a
   * merge of lines may leave it, the file has no stamp.
   */
  of: string;
}

/** A group of the tree; the root's name is empty. */
export interface GroupRecord {
  group: string;
  meta: ObjectText;
}

/** A storage that no tensor covers exactly. One of `chunks` and `fill` is there. */
export interface StorageRecord {
  storage: string;
  /** Bytes. */
  size: number;
  hash: string;
  chunks?: ObjectText[];
  fill?: string;
  meta: ObjectText;
}

/** A tensor that looks at part of another tensor's array, or of a storage. */
export interface View {
  /** The tensor that owns the array; else `storage` is set. */
  of?: string;
  storage?: string;
  /** Elements of the view's own dtype. */
  offset: number;
  /** Elements of the view's own dtype, one per axis. */
  strides: number[];
}

/** A tensor. Exactly one of `chunks`, `fill`, `same`, `view` is there; `meta` with the first two. */
export interface TensorRecord {
  tensor: string;
  dtype: string;
  shape: number[];
  /** Axes from slowest to fastest in memory; absent for C order. */
  order?: number[];
  hash: string;
  chunks?: ObjectText[];
  fill?: string;
  same?: string;
  view?: View;
  meta?: ObjectText;
}

/** A whole manifest. `groups`, `storages` and `tensors` are sorted by the bytes of their names. */
export interface Manifest {
  format: string;
  /** Why the file is kept whole; only with format `opaque`. */
  reason?: string;
  /** The file's pieces in order; only with format `opaque`. */
  pieces?: ObjectText[];
  /** Everywhere but with format `opaque`. That of a stamped file is without the stamp. */
  skeleton?: SkeletonRecord;
  /** Of a stamped file: the skeleton with the stamp, which the file is composed from. */
  stamped?: StampedRecord;
  groups: GroupRecord[];
  storages: StorageRecord[];
  tensors: TensorRecord[];
}
