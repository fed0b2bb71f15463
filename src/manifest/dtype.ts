/**
 * Element types by name: how wide they are, and how their arrays are stored.
 *
 * In: a dtype name of docs/format/tensor-hash.md. Out: its width and the element of the Zarr array that holds it
 * (docs/format/encoding.md, "Stored form"). Other names are unknown, and a manifest that has one is refused.
 */

/** What the formats need to know about a dtype. */
export interface Dtype {
  /** Bits of one element of the tensor. */
  bits: number;
  /** Whether Zarr readers know it, so that the array has this type; else the array's elements are bytes. */
  zarr: boolean;
}

const table = new Map<string, Dtype>();
function define(bits: number, zarr: boolean, names: string): void {
  for (const name of names.split(' ')) table.set(name, { bits, zarr });
}
define(8, true, 'bool int8 uint8 float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu');
define(16, true, 'int16 uint16 float16 bfloat16');
define(32, true, 'int32 uint32 float32');
define(64, true, 'int64 uint64 float64 complex64');
define(128, true, 'complex128');
define(4, false, 'float4_e2m1fn');
define(6, false, 'float6_e2m3fn float6_e3m2fn');
define(8, false, 'float8_e4m3fn qint8 quint8 bits8');
define(8, false, 'float4_e2m1fn_x2 quint4x2 quint2x4 bits1x8 bits2x4 bits4x2');
define(16, false, 'bits16');
define(32, false, 'complex32 qint32');

/** The dtype of this name, if there is one. */
export function findDtype(name: string): Dtype | undefined {
  return table.get(name);
}

/** Elements of a shape; null when bytes of that many elements cannot be counted exactly. */
export function countElements(shape: readonly number[]): number | null {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const extent of shape) {
    count *= extent;
    if (!Number.isSafeInteger(count)) return null;
  }
  return count;
}

/** Bytes of a tensor; null when they cannot be counted exactly. */
export function countBytes(dtype: Dtype, shape: readonly number[]): number | null {
  const count = countElements(shape);
  if (count === null) return null;
  const bytes = dtype.bits < 8 ? Math.ceil((count * dtype.bits) / 8) : count * (dtype.bits / 8);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Shape of the array that stores a tensor, axes in memory order. */
export function storedShape(
  dtype: Dtype,
  shape: readonly number[],
  order: readonly number[] | undefined,
): number[] {
  if (dtype.bits < 8) return [countBytes(dtype, shape) ?? 0];
  const stored = order ? order.map((axis) => shape[axis] ?? 0) : [...shape];
  if (!dtype.zarr && dtype.bits > 8) stored.push(dtype.bits / 8);
  return stored;
}

/** Bits of one element of the array that stores a tensor. */
export function storedBits(dtype: Dtype): number {
  return dtype.zarr ? dtype.bits : 8;
}
