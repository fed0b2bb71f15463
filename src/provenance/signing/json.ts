/**
 * Reading JSON that others wrote.
 *
 * In: bytes, or a value of `JSON.parse`. Out: the same with its shape checked. Refused, as a
 * `malformed` problem that says where: invalid UTF-8, what is not JSON, a member of another type,
 * a member that is not allowed. Only own members are looked at.
 */
import { Problem } from './failures';

/** An object whose members have not been looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses a document. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Problem('malformed', `${what} is not JSON in UTF-8`);
  }
}

/** The value as an object; with `allowed`, one that has no other members. */
export function object(value: unknown, what: string, allowed?: readonly string[]): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Problem('malformed', `${what} is not an object`);
  const other = allowed && Object.keys(value).find((name) => !allowed.includes(name));
  if (other !== undefined)
    throw new Problem('malformed', `${what} has a member "${other.slice(0, 80)}" it must not have`);
  return value as JsonObject;
}

/** An own member, undefined when it is not there. */
export function member(of: JsonObject, name: string): unknown {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

/** The value as a list. */
export function array(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Problem('malformed', `${what} is not a list`);
  return value;
}

/** The value as a string that is not empty. */
export function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '')
    throw new Problem('malformed', `${what} is not a text`);
  return value;
}

/** The bytes of a base64 text, of the standard or the URL-safe alphabet. */
export function base64(value: unknown, what: string): Buffer {
  const given = text(value, what)
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={1,2}$/, '');
  const bytes = Buffer.from(given, 'base64');
  // Node skips what is not base64: only text that comes back is.
  if (bytes.length === 0 || bytes.toString('base64').replace(/=+$/, '') !== given)
    throw new Problem('malformed', `${what} is not base64`);
  return bytes;
}
