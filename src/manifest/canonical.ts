/**
 * Records in their one form: known keys, in their order, nothing else.
 *
 * In: a value that JSON gave. Out: the same record as a fresh object whose keys stand in canonical order, so that
 * `JSON.stringify` of it is the one line that may encode it. Refused: a key that is unknown or missing, a value of the
 * wrong type, a malformed hash, object, dtype, shape. What needs other records to decide is in check.ts.
 */
import { fail } from './failure';
import { isObject } from './objects';
import { isText } from './order';
import type {
  GroupRecord,
  ObjectText,
  SkeletonRecord,
  StampedRecord,
  StorageRecord,
  TensorRecord,
  View,
} from './types';

type Json = Record<string, unknown>;

/** A JSON object, not an array. */
export function asObject(value: unknown, line: number): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw fail(line, 'value', 'not a JSON object');
}

function onlyKeys(value: Json, line: number, known: readonly string[]): void {
  for (const key in value) {
    if (!known.includes(key)) throw fail(line, 'key', `unknown key '${key}'`);
  }
}

function text(value: Json, key: string, line: number): string {
  const found = value[key];
  if (found === undefined) throw fail(line, 'key', `no key '${key}'`);
  if (!isText(found)) throw fail(line, 'value', `'${key}' is not a string of Unicode text`);
  return found;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function counts(value: unknown, key: string, line: number): number[] {
  if (Array.isArray(value) && value.every(isCount)) return value as number[];
  throw fail(line, 'value', `'${key}' is not a list of integers from 0 to 2^53 - 1`);
}

function size(value: Json, line: number): number {
  if (isCount(value.size) && value.size > 0) return value.size;
  throw fail(line, 'value', "'size' is not an integer from 1 to 2^53 - 1");
}

const HASH = /^[0-9a-f]{64}$/;
function hash(value: Json, line: number, key: 'hash' | 'of' = 'hash'): string {
  const found = text(value, key, line);
  if (HASH.test(found)) return found;
  throw fail(line, 'hash', `'${key}' is not 64 lower-case hexadecimal digits`);
}

function object(value: Json, key: string, line: number): ObjectText {
  const found = text(value, key, line);
  if (isObject(found)) return found;
  throw fail(line, 'object', `'${key}' is not an object '<sha256>:<bytes>'`);
}

/** A list of objects. */
export function objects(value: unknown, key: string, line: number): ObjectText[] {
  if (Array.isArray(value) && value.every(isObject)) return value as ObjectText[];
  throw fail(line, 'object', `'${key}' is not a list of objects '<sha256>:<bytes>'`);
}

const FILL = /^0x[0-9a-f]+$/;
function fill(value: Json, line: number): string {
  const found = text(value, 'fill', line);
  if (FILL.test(found)) return found;
  throw fail(line, 'fill', "'fill' is not '0x' and lower-case hexadecimal digits");
}

/** `{size, hash, chunks, meta}` */
export function skeletonRecord(input: unknown, line: number): SkeletonRecord {
  const value = asObject(input, line);
  onlyKeys(value, line, SKELETON_KEYS);
  return skeletonKeys(value, line);
}

/** `{size, hash, chunks, meta, of}` */
export function stampedRecord(input: unknown, line: number): StampedRecord {
  const value = asObject(input, line);
  onlyKeys(value, line, [...SKELETON_KEYS, 'of']);
  return { ...skeletonKeys(value, line), of: hash(value, line, 'of') };
}

const SKELETON_KEYS = ['size', 'hash', 'chunks', 'meta'];

function skeletonKeys(value: Json, line: number): SkeletonRecord {
  return {
    size: size(value, line),
    hash: hash(value, line),
    chunks: objects(value.chunks, 'chunks', line),
    meta: object(value, 'meta', line),
  };
}

/** `{group, meta}` */
export function groupRecord(value: Json, line: number): GroupRecord {
  onlyKeys(value, line, ['group', 'meta']);
  return { group: text(value, 'group', line), meta: object(value, 'meta', line) };
}

/** `{storage, size, hash, chunks | fill, meta}` */
export function storageRecord(value: Json, line: number): StorageRecord {
  onlyKeys(value, line, ['storage', 'size', 'hash', 'chunks', 'fill', 'meta']);
  const bytes = { storage: text(value, 'storage', line), size: size(value, line) };
  const named = { ...bytes, hash: hash(value, line) };
  if (oneOf(value, line, ['chunks', 'fill']) === 'fill') {
    return { ...named, fill: fill(value, line), meta: object(value, 'meta', line) };
  }
  const chunks = objects(value.chunks, 'chunks', line);
  return { ...named, chunks, meta: object(value, 'meta', line) };
}

const TENSOR_KEYS = [
  'tensor',
  'dtype',
  'shape',
  'order',
  'hash',
  'chunks',
  'fill',
  'same',
  'view',
  'meta',
] as const;

/** `{tensor, dtype, shape, order?, hash, chunks + meta | fill + meta | same | view}` */
export function tensorRecord(value: Json, line: number): TensorRecord {
  onlyKeys(value, line, TENSOR_KEYS);
  const order = value.order === undefined ? {} : { order: counts(value.order, 'order', line) };
  const record: TensorRecord = {
    tensor: text(value, 'tensor', line),
    dtype: text(value, 'dtype', line),
    shape: counts(value.shape, 'shape', line),
    ...order,
    hash: hash(value, line),
  };
  const kind = oneOf(value, line, ['chunks', 'fill', 'same', 'view']);
  if (kind === 'same' || kind === 'view') {
    if ('meta' in value) throw fail(line, 'key', `'meta' beside '${kind}'`);
    if (kind === 'same') record.same = text(value, 'same', line);
    else record.view = view(value.view, line);
    return record;
  }
  if (kind === 'chunks') record.chunks = objects(value.chunks, 'chunks', line);
  else record.fill = fill(value, line);
  record.meta = object(value, 'meta', line);
  return record;
}

function view(input: unknown, line: number): View {
  const value = asObject(input, line);
  onlyKeys(value, line, ['of', 'storage', 'offset', 'strides']);
  const kind = oneOf(value, line, ['of', 'storage']);
  const target =
    kind === 'of' ? { of: text(value, 'of', line) } : { storage: text(value, 'storage', line) };
  if (!isCount(value.offset)) {
    throw fail(line, 'value', "'offset' is not an integer from 0 to 2^53 - 1");
  }
  return { ...target, offset: value.offset, strides: counts(value.strides, 'strides', line) };
}

function oneOf<K extends string>(value: Json, line: number, keys: readonly K[]): K {
  const found = keys.filter((key) => value[key] !== undefined);
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  throw fail(line, 'key', `exactly one of ${keys.map((key) => `'${key}'`).join(', ')} is needed`);
}
