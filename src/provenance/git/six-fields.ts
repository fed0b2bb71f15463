/**
 * The six fields of pl-git-callback: made from a state, read from a file that it or the Python callback wrote.
 *
 * In: JSON with the six keys. Out: the fields; other keys are not looked at, and a value of another type is `null`.
 * Refused: a file over 1 MiB, and what is no file.
 */
import { readSmall } from '../signing/files';
import type { GitState, SixFields } from '../stamp';

const LARGEST = 1024 * 1024;

/** The types of the six values, in the order in which the original writes them. */
const TYPES = {
  empty: 'boolean',
  dirty: 'boolean',
  num_untracked_files: 'number',
  commit_hash: 'string',
  commit_date: 'number',
  branch_name: 'string',
} as const;

const NAMES = Object.keys(TYPES) as (keyof SixFields)[];

/** The six fields of a state. */
export function sixFields(state: GitState): SixFields {
  return {
    empty: state.empty,
    dirty: state.dirty,
    num_untracked_files: state.source === 'git' ? state.untracked.count : null,
    commit_hash: state.commit,
    commit_date: state.commit_date,
    // The original knew no branch of a repository without a commit.
    branch_name: state.empty ? null : state.branch,
  };
}

/** The file that the original writes, byte for byte: its language escapes all but ASCII. */
export function printSixFields(six: SixFields): string {
  const ordered = Object.fromEntries(NAMES.map((name) => [name, six[name]]));
  return JSON.stringify(ordered, null, 2).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The six fields in `git_info.json`, or in `git-status.json` of older versions.
 *
 * @param source - the document, or where it is: `{ path }`.
 * @returns `null` when it is something else: it has neither all six keys nor a commit.
 * @throws ThetaError `ERR_THETA_PROVENANCE_IO` when the file cannot be read, `ERR_THETA_PROVENANCE_UNSUPPORTED` when
 *   it is larger than 1 MiB or no file.
 */
export async function gitStatusFromJson(
  source: string | Uint8Array | { readonly path: string },
): Promise<SixFields | null> {
  if (typeof source === 'string') return parse(source);
  const bytes = source instanceof Uint8Array ? source : await readSmall(source.path, LARGEST);
  return parse(Buffer.from(bytes).toString());
}

function parse(text: string): SixFields | null {
  if (text.length > LARGEST) return null;
  try {
    return sixFieldsIn(JSON.parse(text.replace(/^\ufeff/, '')));
  } catch {
    return null;
  }
}

/** The six fields that an object has, `null` when it is no such object. */
export function sixFieldsIn(value: unknown): SixFields | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const given = value as Readonly<Record<string, unknown>>;
  const own = (name: keyof SixFields): unknown => {
    const found = Object.hasOwn(given, name) ? given[name] : null;
    const fits = typeof found === TYPES[name];
    return fits && (typeof found !== 'number' || Number.isSafeInteger(found)) ? found : null;
  };
  const complete = NAMES.every((name) => Object.hasOwn(given, name));
  if (!complete && own('commit_hash') === null) return null;
  return Object.fromEntries(NAMES.map((name) => [name, own(name)])) as unknown as SixFields;
}
