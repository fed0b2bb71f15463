/**
 * A reader of DER, as much of it as the extensions of a certificate need.
 *
 * In: bytes. Out: elements, each with its tag and content. Refused: tags of several bytes,
 * indefinite and needlessly long lengths, content that does not fit, bytes left over.
 */
import { Problem } from './failures';

/** One element. */
export interface Element {
  readonly tag: number;
  readonly body: Buffer;
  /** Tag, length and body. */
  readonly whole: Buffer;
}

/** Tags of the universal class. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

const bad = (what: string): Problem => new Problem('malformed', `a certificate has ${what}`);

function elementAt(bytes: Buffer, at: number): Element {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw bad('a truncated element');
  if ((tag & 0x1f) === 0x1f) throw bad('a tag of several bytes');
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || start + count > bytes.length) throw bad('a bad length');
    length = bytes.readUIntBE(start, count);
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw bad('a length that is not minimal');
    start += count;
  }
  if (start + length > bytes.length) throw bad('an element that is longer than what holds it');
  return {
    tag,
    body: bytes.subarray(start, start + length),
    whole: bytes.subarray(at, start + length),
  };
}

/** The elements that `bytes` consists of. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const element = elementAt(bytes, at);
    found.push(element);
    at += element.whole.length;
  }
  return found;
}

/** The body of the one element that `bytes` consists of. */
export function only(bytes: Buffer, tag: number): Buffer {
  const [element, ...rest] = elements(bytes);
  if (element?.tag !== tag || rest.length > 0) throw bad('an element of an unexpected kind');
  return element.body;
}

/** The body of an element that must be there and have that tag. */
export function expect(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw bad('an element of an unexpected kind');
  return element.body;
}

/** A BOOLEAN. */
export function readBoolean(body: Buffer): boolean {
  if (body.length !== 1 || (body[0] !== 0 && body[0] !== 0xff)) throw bad('a bad boolean');
  return body[0] === 0xff;
}

/** A small INTEGER that is not negative. */
export function readCount(body: Buffer): number {
  const [first = 0x80, second = 0x80] = body;
  if (body.length === 0 || body.length > 4 || first >= 0x80) throw bad('a bad number');
  if (body.length > 1 && first === 0 && second < 0x80) throw bad('a number that is not minimal');
  return body.readUIntBE(0, body.length);
}

/** An OBJECT IDENTIFIER with its dots. */
export function readOid(body: Buffer): string {
  const parts: number[] = [];
  let value = 0;
  for (const [at, byte] of body.entries()) {
    if (value === 0 && byte === 0x80) throw bad('a bad object identifier');
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw bad('a bad object identifier');
    if (byte >= 0x80) {
      if (at === body.length - 1) throw bad('a bad object identifier');
      continue;
    }
    parts.push(value);
    value = 0;
  }
  const [first, ...rest] = parts;
  if (first === undefined) throw bad('a bad object identifier');
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join('.');
}

/** The bits of a BIT STRING, the first one first. */
export function readBits(body: Buffer): boolean[] {
  const [unused = 8, ...bytes] = body;
  if (unused > 7 || (bytes.length === 0 && unused !== 0)) throw bad('a bad bit string');
  const bits = bytes.flatMap((byte) => Array.from({ length: 8 }, (_, at) => (byte << at) & 0x80));
  return bits.slice(0, bits.length - unused).map(Boolean);
}

/** A UTCTime or GeneralizedTime in the form that certificates have, `…SSZ`. */
export function readTime({ tag, body }: Element): Date {
  const text = body.toString('latin1');
  const form = tag === TAG.utcTime ? /^(\d\d)(\d{10})Z$/ : /^(\d{4})(\d{10})Z$/;
  const [, year = '', rest = ''] = form.exec(text) ?? [];
  if (rest === '' || (tag !== TAG.utcTime && tag !== TAG.generalizedTime)) throw bad('a bad date');
  // Two digits stand for 1950 to 2049.
  const full = tag === TAG.generalizedTime ? year : `${Number(year) < 50 ? '20' : '19'}${year}`;
  const [month, day, hour, minute, second] = rest.match(/\d\d/g) ?? [];
  const iso = `${full}-${month}-${day}T${hour}:${minute}:${second}Z`;
  const date = new Date(iso);
  // `Date` takes the 31st of any month.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso.replace('Z', '.000Z'))
    throw bad('a bad date');
  return date;
}
