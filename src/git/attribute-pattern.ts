/**
 * Patterns of `.gitattributes`: quoting, and patterns that match exactly one path.
 *
 * Quoting is git's C style: a pattern with white space, quotes, control characters, or anything that would read as a
 * comment is put in quotes with escapes. Inside, a pattern is still a glob; {@link literalPattern} takes that away.
 */

const SHORT: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};
const LONG = new Map(Object.entries(SHORT).map(([char, code]) => [code.slice(1), char]));

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to be escaped.
const ESCAPED = /["\\\x00-\x1f\x7f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const NEEDS_QUOTES = /^$|^[#"]|[\x00-\x20\x7f]/;

function octal(char: string): string {
  return `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
}

/** A pattern as it stands in the file; `always`: in quotes even where git needs none. */
export function quotePattern(pattern: string, always = false): string {
  if (!always && !NEEDS_QUOTES.test(pattern)) return pattern;
  return `"${pattern.replace(ESCAPED, (char) => SHORT[char] ?? octal(char))}"`;
}

/** The pattern in quotes, one character per byte; null when git would not understand it. */
export function unquotePattern(quoted: string): string | null {
  let valid = quoted.length >= 2 && quoted.endsWith('"');
  const text = quoted.slice(1, -1).replace(/\\([0-3][0-7]{2}|.)/gs, (_, code: string) => {
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code, 8));
    const char = LONG.get(code);
    valid &&= char !== undefined;
    return char ?? '';
  });
  return valid ? text : null;
}

/** A pattern as it stands in the file. */
export function printPattern(pattern: string, o: { quote?: boolean } = {}): string {
  return quotePattern(pattern, o.quote);
}

/** A pattern that matches this path and nothing like it (in the root also files of this name in any folder). */
export function literalPattern(path: string): string {
  return path.replace(/[\\*?[]/g, '\\$&').replace(/^[!#]/, '\\$&');
}
