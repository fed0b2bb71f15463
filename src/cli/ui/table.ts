/**
 * Columns without borders. Widths are those on the screen: wide characters count two, combining
 * marks and colour nothing. Cells are printed as they are given, each one line: pass names through `visible`.
 */

/** How a column's cells stand in it. */
export type Align = 'left' | 'right';

/** Text whose width is its length. */
const PLAIN = /^[ -~]*$/;

function widthOf(cell: string): number {
  if (PLAIN.test(cell)) return cell.length;
  // Loaded here: most commands print no such text, and none should wait for it.
  const stringWidth = require('string-width') as typeof import('string-width');
  return stringWidth(cell);
}

/** Rows as aligned text, without a line end after the last. No rows give the empty text. */
export function table(
  rows: readonly (readonly string[])[],
  { head, align }: { readonly head?: readonly string[]; readonly align?: readonly Align[] } = {},
): string {
  if (rows.length === 0) return '';
  const all = (head ? [head, ...rows] : rows).map((row) =>
    row.map((cell) => ({ cell, width: widthOf(cell) })),
  );
  const widths: number[] = [];
  for (const row of all) {
    for (const [i, { width }] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width);
  }
  const lines = all.map((row) => {
    const padded = row.map(({ cell, width }, i) => {
      const space = ' '.repeat((widths[i] ?? 0) - width);
      return align?.[i] === 'right' ? space + cell : cell + space;
    });
    return padded.join('  ').trimEnd();
  });
  return lines.join('\n');
}
