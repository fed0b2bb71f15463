/** Canonical JSON (RFC 8785): equal documents are equal texts. */

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  // By UTF-16 code units, as the specification says, and as JavaScript compares.
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** The text of a document: numbers and strings are those of `JSON.stringify`, as the specification says. */
export function canonicalJson(value: object): string {
  return JSON.stringify(sorted(value));
}
