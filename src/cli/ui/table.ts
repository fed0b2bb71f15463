/**
 * Columns without borders. Widths are those on the screen: wide characters count two, combining
 * marks and colour nothing. Cells are printed as they are given: pass names through `visible`.
 */

/** How a column's cells stand in it. */
export type Align = 'left' | 'right';

const BARE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;

/** Text whose width is its length. */
const PLAIN = /^[ -~]*$/;

/** Columns of plain text. What knows of wide characters takes time with the square of the rows. */
function padded(rows: readonly (readonly string[])[], align: readonly Align[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const pad = (cell: string, i: number) =>
    align[i] === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

/** Rows as aligned text, without a line end after the last. No rows give the empty text. */
export function table(
  rows: readonly (readonly string[])[],
  options: { readonly head?: readonly string[]; readonly align?: readonly Align[] } = {},
): string {
  if (rows.length === 0) return '';
  const all = options.head ? [options.head, ...rows] : rows;
  if (all.every((row) => row.every((cell) => PLAIN.test(cell)))) {
    return padded(all, options.align ?? []);
  }
  // Loaded here: most commands print no table, and none should wait for it.
  const Table = require('cli-table3') as typeof import('cli-table3');
  const columns = Math.max(...rows.map((row) => row.length), options.head?.length ?? 0);
  const drawn = new Table({
    chars: BARE,
    colAligns: Array.from({ length: columns }, (_, i) => options.align?.[i] ?? 'left'),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  if (options.head) drawn.push([...options.head]);
  for (const row of rows) drawn.push([...row]);
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
