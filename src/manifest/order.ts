/**
 * The order of names: by the bytes of their UTF-8.
 *
 * JavaScript compares UTF-16 units, which puts U+E000–U+FFFF after everything beyond U+FFFF; UTF-8 puts it before.
 */

/** Moves surrogates behind U+FFFF, where UTF-8 has them. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Negative, zero or positive, as for `Array.sort`. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Part of every Node that this runs on; TypeScript's library for it is newer. */
type WellFormed = string & { isWellFormed(): boolean };

/** Whether a value is a string of Unicode text, which UTF-8 can hold. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && (value as WellFormed).isWellFormed();
}
