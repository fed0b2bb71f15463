/**
 * The message of a snapshot's commit, which says what is not in its tree.
 *
 * In: what was left out. Out: the message, and back. It ends in trailers: `Theta-Snapshot: 1`, then a line
 * `Theta-Left-Out: {…}` for each path, a JSON object in ASCII with sorted keys, the lines in the order of the paths'
 * bytes. A path that is not UTF-8 is given as the hexadecimal digits of its bytes, `path_hex`. Refused: another
 * version, and a line that is not of this form. Keys that are not known are ignored.
 */
import { ThetaError } from '../../errors';
import { isObjectId } from '../open';

/**
 * Why a path was left out: a `model`; a `large` file; content of a `submodule` that its commit does not have; a
 * `repository` inside; a `special` file, such as a socket.
 */
export type LeftOutKind = (typeof KINDS)[number];

const KINDS = ['large', 'model', 'repository', 'special', 'submodule'] as const;

/** A path that is not in a snapshot as it was in the work tree. */
export interface LeftOut {
  /** From the top of the work tree, with slashes; what is not UTF-8 in it is U+FFFD. */
  readonly path: string;
  /** The bytes of the path in hexadecimal, when they are not UTF-8. */
  readonly path_hex?: string;
  readonly kind: LeftOutKind;
  /** Of files. */
  readonly size?: number;
  /** Of files: SHA-256 of the content, in hexadecimal. */
  readonly sha256?: string;
  /** Of a submodule or repository: what it had checked out; `null` when it had no commit. */
  readonly commit?: string | null;
}

const SUBJECT = 'Snapshot of uncommitted code';
const VERSION = 'Theta-Snapshot';
const ENTRY = 'Theta-Left-Out';

/** A path as a {@link LeftOut} names it; one character for each byte goes in. */
export function nameOf(path: string): Pick<LeftOut, 'path' | 'path_hex'> {
  const bytes = Buffer.from(path, 'latin1');
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) return { path: text };
  return { path: text, path_hex: bytes.toString('hex') };
}

/** The path's bytes, one character for each. */
function bytesOf({ path, path_hex }: Pick<LeftOut, 'path' | 'path_hex'>): string {
  return (path_hex === undefined ? Buffer.from(path) : Buffer.from(path_hex, 'hex')).toString(
    'latin1',
  );
}

function line(entry: LeftOut): string {
  const { path, path_hex, ...rest } = entry;
  const given = path_hex === undefined ? { ...rest, path } : { ...rest, path_hex };
  const sorted = Object.fromEntries(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)));
  const json = JSON.stringify(sorted).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${ENTRY}: ${json}\n`;
}

/** The message. */
export function printMessage(leftOut: readonly LeftOut[]): string {
  const sorted = leftOut
    .map((entry) => ({ entry, bytes: bytesOf(entry) }))
    .sort((a, b) => (a.bytes < b.bytes ? -1 : a.bytes > b.bytes ? 1 : 0));
  const lines = sorted.map(({ entry }) => line(entry));
  return `${SUBJECT}\n\n${VERSION}: 1\n${lines.join('')}`;
}

function unsupported(message: string): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_UNSUPPORTED', message);
}

/**
 * What a message says was left out.
 *
 * @returns `null` when it is not the message of a snapshot.
 * @throws ThetaError `ERR_THETA_PROVENANCE_UNSUPPORTED` when it is one that cannot be understood.
 */
export function parseMessage(message: string): LeftOut[] | null {
  const [subject, empty, version, ...lines] = message.replace(/\n+$/, '').split('\n');
  if (subject !== SUBJECT || empty !== '' || !version?.startsWith(`${VERSION}: `)) return null;
  if (version !== `${VERSION}: 1`)
    throw unsupported(`the snapshot is of a version that is not known: ${version}`);
  return lines.map(parseLine);
}

function parseLine(text: string): LeftOut {
  const bad = (): ThetaError =>
    unsupported(`the snapshot's message has a line that cannot be understood: ${text}`);
  if (!text.startsWith(`${ENTRY}: `)) throw bad();
  let value: unknown;
  try {
    value = JSON.parse(text.slice(ENTRY.length + 2));
  } catch {
    throw bad();
  }
  const entry = typeof value === 'object' && value !== null ? entryOf(value) : null;
  if (!entry) throw bad();
  return entry;
}

function entryOf(value: object): LeftOut | null {
  const own = new Map<string, unknown>(Object.entries(value));
  const kind = KINDS.find((known) => known === own.get('kind'));
  const name = givenName(own.get('path'), own.get('path_hex'));
  if (!kind || !name) return null;
  const [size, sha256, commit] = [own.get('size'), own.get('sha256'), own.get('commit')];
  if (kind === 'large' || kind === 'model') {
    if (!Number.isSafeInteger(size) || (size as number) < 0) return null;
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return null;
    return { ...name, kind, size: size as number, sha256 };
  }
  if (kind === 'special') return { ...name, kind };
  return commit === null || isObjectId(commit) ? { ...name, kind, commit } : null;
}

function givenName(path: unknown, hex: unknown): Pick<LeftOut, 'path' | 'path_hex'> | null {
  if (typeof path === 'string' && hex === undefined) return path === '' ? null : { path };
  if (typeof hex !== 'string' || path !== undefined || !/^(?:[0-9a-f]{2})+$/.test(hex)) return null;
  return nameOf(Buffer.from(hex, 'hex').toString('latin1'));
}
