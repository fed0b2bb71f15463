/** Numbers for people: sizes, rates, counts with their noun. */

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A size in bytes with three significant digits and a binary unit: `512 bytes`, `1.46 GiB`. */
export function bytes(size: number): string {
  if (size < 1024) return count(size, 'byte');
  let value = size;
  let unit = '';
  for (const next of UNITS) {
    if (value < 999.5) break;
    value /= 1024;
    unit = next;
  }
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}

/** `1 tensor`, `3 tensors`, `2 copies`. The plural is the noun and `s` unless it is given. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}
