/**
 * How many chunks an array has.
 *
 * In: the stored shape with its axes in memory order, and its bytes. Out: the length of its list of chunks, as fixed by
 * docs/format/encoding.md, "Grid". The native core makes the grid itself; here it only guards the manifest.
 */

/** Bytes of memory in a chunk, at most, unless a single row is larger. */
const TARGET = 2 ** 24;

/** Chunks of an array that keeps its chunks. */
export function chunkCount(shape: readonly number[], bytes: number): number {
  let chunks = 1;
  let left = bytes;
  for (const extent of shape) {
    if (left <= TARGET) break;
    const row = left / extent;
    if (row <= TARGET)
      return chunks * Math.ceil(extent / Math.ceil(extent / Math.ceil(left / TARGET)));
    chunks *= extent;
    left = row;
  }
  return chunks;
}
