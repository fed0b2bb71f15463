/**
 * Reads the text of a manifest, strictly.
 *
 * In: text or bytes. Out: a manifest `m` with `printManifest(m)` equal to the input. Everything else is refused with
 * `ERR_THETA_BAD_MANIFEST`, the line and the rule: each record is parsed, built again in canonical form and compared.
 */
import { fail } from './failure';
import { ManifestReader } from './reader';
import type { Manifest } from './types';

/** Most bytes of a manifest. */
export const MAX_MANIFEST = 64 * 2 ** 20;
/** Most bytes of a line. */
export const MAX_LINE = 16 * 2 ** 20;

const PREFIX = Buffer.from('{"git-theta":');
const CONFLICT = /^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)($|[ \r])/;
const CONFLICT_HINT = 'the file has merge conflicts: resolve them, or take one side as a whole';

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fail(1, 'utf8', 'not UTF-8');
  }
}

function parseLine(line: string, number: number): unknown {
  if (CONFLICT.test(line)) throw fail(number, 'conflict', 'a conflict marker', CONFLICT_HINT);
  try {
    return JSON.parse(line);
  } catch {
    throw fail(number, 'json', line === '' ? 'an empty line' : 'not JSON');
  }
}

/** Column, from 1, at which two strings begin to differ. */
function difference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at + 1;
}

/**
 * Parses a manifest.
 *
 * @throws ThetaError `ERR_THETA_BAD_MANIFEST` with `line` and `rule`.
 */
export function parseManifest(input: string | Uint8Array): Manifest {
  const size = typeof input === 'string' ? Buffer.byteLength(input) : input.length;
  if (size > MAX_MANIFEST) throw fail(1, 'limit', 'more than 64 MiB of text');
  const text = typeof input === 'string' ? input : decode(input);
  const reader = new ManifestReader();
  let start = 0;
  for (let number = 1; start < text.length || number === 1; number++) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? text.length : end);
    if (line.length > MAX_LINE / 4 && Buffer.byteLength(line) > MAX_LINE) {
      throw fail(number, 'limit', 'a line of more than 16 MiB');
    }
    if (number % 2 === 0) {
      if (CONFLICT.test(line)) throw fail(number, 'conflict', 'a conflict marker', CONFLICT_HINT);
      if (line !== '') throw fail(number, 'line', 'no empty line between records');
      if (end + 1 >= text.length) throw fail(number, 'line', 'an empty line at the end');
    } else {
      const canonical = reader.add(parseLine(line, number));
      if (canonical !== line) {
        const column = difference(canonical, line);
        throw fail(number, 'canonical', `not in canonical form, from column ${column}`);
      }
      if (end < 0) throw fail(number, 'line', 'no newline at the end');
    }
    start = end + 1;
  }
  return reader.finish();
}

/** Whether bytes start like a manifest; says nothing about the rest. */
export function looksLikeManifest(bytes: Uint8Array): boolean {
  return bytes.length > PREFIX.length && PREFIX.equals(bytes.subarray(0, PREFIX.length));
}

/** Whether bytes are a canonical manifest as a whole. */
export function isManifest(bytes: Uint8Array): boolean {
  if (!looksLikeManifest(bytes)) return false;
  try {
    parseManifest(bytes);
    return true;
  } catch {
    return false;
  }
}
