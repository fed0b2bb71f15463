/**
 * Patterns for names of tensors, as in `.gitattributes`: `*` and `?` match inside a component, `**` any number of
 * components, `[a-z]` one character. A pattern without a slash is compared with the last component.
 *
 * In: a pattern. Out: whether a name matches. Refused: nothing; an unclosed `[` stands for itself.
 */

/** Characters that mean something in a regular expression. */
const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g;

function literal(text: string): string {
  return text.replace(SPECIAL, '\\$&');
}

/** One piece of a pattern as a regular expression. */
function translate(piece: string): string {
  if (piece === '**/') return '(?:.*/)?';
  if (piece === '/**') return '/.*';
  if (piece === '**') return '.*';
  if (piece === '*') return '[^/]*';
  if (piece === '?') return '[^/]';
  const set = /^\[([!^]?)(.+)\]$/s.exec(piece);
  if (!set) return literal(piece.startsWith('\\') ? piece.slice(1) : piece);
  const members = (set[2] as string).replace(/[\\\][^]/g, '\\$&');
  return set[1] ? `[^/${members}]` : `[${members}]`;
}

/** Whether a name matches. */
export function namePattern(pattern: string): (name: string) => boolean {
  const pieces = pattern.match(/\*\*\/|\/\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\\.|./gsu) ?? [];
  const body = pieces.map((piece) => translate(/^\*{3,}$/.test(piece) ? '**' : piece)).join('');
  const start = pattern.includes('/') ? '' : '(?:.*/)?';
  const expression = new RegExp(`^${start}${body}$`, 's');
  return (name) => expression.test(name);
}
