/**
 * The machine's output: one JSON document per command on standard output.
 *
 * Every document has `"schema": 1` first and its other keys in sorted order, so that two runs can
 * be compared as text. Control characters are escaped: a terminal shows the document safely.
 */

/** The version of all documents; it changes when a key changes its meaning or goes away. */
export const JSON_SCHEMA = 1;

// JSON.stringify escapes C0 controls and lone surrogates, but neither C1 nor bidirectional ones.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, item]) => [key, sorted(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** The document as text, without a line end. */
export function formatJson(document: object): string {
  const whole = { schema: JSON_SCHEMA, ...(sorted(document) as object) };
  return JSON.stringify(whole, null, 2).replace(
    UNSAFE,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Prints a document on standard output. */
export function printJson(document: object): void {
  process.stdout.write(`${formatJson(document)}\n`);
}
