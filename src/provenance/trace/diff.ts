/**
 * What two stamps say differently.
 *
 * In: two files with stamps, ours or the six fields of pl-git-callback, and perhaps a repository that has the commits.
 * Out: whether commit, code and content are the same, the commits between, what of the code differs, and where the
 * stamps name other frameworks or runs. Contents are compared as the stamps have them; no tensor is read. What cannot
 * be told is `null`. Refused: files without a stamp.
 */
import { isThetaError } from '../../errors';
import { readable, records } from '../git/ask';
import { codeTree } from '../git/code-tree';
import { type OpenRepository, openRepository } from '../open';
import { type Claims, claimsOf } from './claims';
import { type CodeChanges, codeChanges, type Distance, distance, isCommit, LOG } from './commits';

/** How {@link diffStamps} works. */
export interface DiffOptions {
  /** A folder of the repository; by default the current one. */
  readonly dir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One of the two. */
export interface DiffSide {
  readonly path: string;
  readonly commit: string | null;
  readonly codeTree: string | null;
  readonly dirty: boolean | null;
  /** The commit of the snapshot that the stamp names. */
  readonly snapshot: string | null;
  /** Whether the commit is in the repository. */
  readonly here: boolean;
}

/** What {@link diffStamps} finds. */
export interface StampDiff {
  readonly a: DiffSide;
  readonly b: DiffSide;
  readonly sameCommit: boolean | null;
  /** Whether the committed code is the same. Models do not count. */
  readonly sameCodeTree: boolean | null;
  /** Whether the code is the same, with what was uncommitted; `null` when that was not kept. */
  readonly sameCode: boolean | null;
  /** Whether the tensors are the same. */
  readonly sameContent: boolean | null;
  /** How far the commit of `b` is from that of `a`, and at most 100 commits between, newest first. */
  readonly commits:
    | (Distance & {
        readonly list: readonly {
          readonly commit: string;
          /** Which of the two has it. */
          readonly side: 'a' | 'b';
          readonly author: string;
          readonly date: number;
          readonly subject: string;
        }[];
      })
    | null;
  /** What of the code differs, from snapshots where they are here. */
  readonly code: CodeChanges | null;
  /** Values of the stamps that differ, such as `framework.torch` and `run.command`, as text. */
  readonly differences: readonly {
    readonly field: string;
    readonly a: string | null;
    readonly b: string | null;
  }[];
}

const LISTED_COMMITS = 100;
const LONGEST = 1000;

/**
 * Compares the stamps of two files. Without a repository, or when a commit is not in it, what needs git is `null`.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_STAMP`, `ERR_THETA_PROVENANCE_IO`, `ERR_THETA_CANCELLED`;
 *   `ERR_THETA_PROVENANCE_UNSUPPORTED` for a damaged stamp and one whose commit is no object id
 */
export async function diffStamps(
  pathA: string,
  pathB: string,
  o: DiffOptions = {},
): Promise<StampDiff> {
  const [a, b] = [await claimsOf(pathA), await claimsOf(pathB)];
  const repo = await openRepository(o.dir, o.signal).catch((error: unknown) => {
    if (isThetaError(error, 'ERR_THETA_PROVENANCE_NO_GIT')) return null;
    throw error;
  });
  const [left, right] = [await codeOf(repo, a), await codeOf(repo, b)];
  const sameCommit = equal(a.commit, b.commit);
  const from = left.kept ?? left.commit;
  const to = right.kept ?? right.commit;
  return {
    a: side(a, left),
    b: side(b, right),
    sameCommit,
    sameCodeTree: sameCommit || equal(left.committed, right.committed),
    sameCode: sameCode(a, b, left, right),
    sameContent: equal(contentOf(a), contentOf(b)),
    commits:
      repo && left.commit && right.commit ? await between(repo, left.commit, right.commit) : null,
    code: repo && from && to ? await codeChanges(repo.ask, from, to) : null,
    differences: [...differences(a, b)],
  };
}

/** The code of a stamp, as far as it is here. */
interface Code {
  /** Its commit, if it is here. */
  readonly commit: string | null;
  /** The code tree of its commit: git's own answer, else that of the stamp. */
  readonly committed: string | null;
  /** Its snapshot, if it is here. */
  readonly kept: string | null;
  /** The code tree of its snapshot. */
  readonly keptTree: string | null;
}

async function codeOf(repo: OpenRepository | null, claims: Claims): Promise<Code> {
  const here = async (id: string | null): Promise<string | null> =>
    repo && id && (await isCommit(repo.ask, id)) ? id : null;
  const tree = async (id: string | null): Promise<string | null> =>
    repo && id ? (await codeTree(repo.ask, id, repo.objectFormat)).id : null;
  const [commit, kept] = [await here(claims.commit), await here(claims.snapshot)];
  return {
    commit,
    committed: (await tree(commit)) ?? claims.codeTree,
    kept,
    keptTree: await tree(kept),
  };
}

function side({ path, commit, dirty, snapshot }: Claims, code: Code): DiffSide {
  const { committed } = code;
  return { path, commit, codeTree: committed, dirty, snapshot, here: code.commit !== null };
}

/** Whether two values that are known are equal. */
function equal(a: string | null, b: string | null): boolean | null {
  return a === null || b === null ? null : a === b;
}

function sameCode(a: Claims, b: Claims, left: Code, right: Code): boolean | null {
  if (a.snapshot !== null && a.snapshot === b.snapshot) return true;
  const whole = (claims: Claims, code: Code): string | null => {
    if (claims.snapshot !== null) return code.keptTree;
    return claims.dirty === false ? code.committed : null;
  };
  const known = equal(whole(a, left), whole(b, right));
  if (known !== null) return known;
  const committed = a.snapshot === null && b.snapshot === null && a.commit === b.commit;
  return committed && a.dirty === false && b.dirty === false && a.commit !== null ? true : null;
}

function contentOf({ stamp }: Claims): string | null {
  const root = stamp?.content?.tensor_root;
  const known = root?.algo === 'git-theta-content-1' && root.scope === 'model';
  return known && typeof root.value === 'string' ? root.value : null;
}

async function between(
  { ask }: OpenRepository,
  a: string,
  b: string,
): Promise<StampDiff['commits']> {
  const format = '--format=%m%x00%H%x00%an%x00%at%x00%s';
  const range = `${a}...${b}`;
  const [apart, { text }] = await Promise.all([
    distance(ask, a, b),
    ask([...LOG, '-z', '--left-right', `--max-count=${LISTED_COMMITS}`, format, range]),
  ]);
  const fields = records(text).map(readable);
  const list: NonNullable<StampDiff['commits']>['list'][number][] = [];
  for (let at = 0; at + 4 < fields.length; at += 5) {
    const [mark, commit = '', author = '', date, subject = ''] = fields.slice(at, at + 5);
    list.push({ commit, side: mark === '<' ? 'a' : 'b', author, date: Number(date), subject });
  }
  return { ...apart, list };
}

function* differences(a: Claims, b: Claims): Generator<StampDiff['differences'][number]> {
  const [left, right] = [valuesOf(a), valuesOf(b)];
  for (const field of new Set([...left.keys(), ...right.keys()])) {
    const [one = null, other = null] = [left.get(field), right.get(field)];
    if (one !== other) yield { field, a: shortened(one), b: shortened(other) };
  }
}

/** What is compared value by value; commits and trees are not among it. */
function valuesOf({ stamp, dirty, repo }: Claims): Map<string, string> {
  const values = new Map<string, string>();
  const add = (field: string, value: unknown): void => {
    const known = textOf(value);
    if (known !== null) values.set(field, known);
  };
  add('repo', repo);
  add('branch', stamp?.git.branch);
  add('code_dirty', dirty);
  for (const section of ['framework', 'run'] as const) {
    const found: unknown = stamp?.[section];
    if (typeof found !== 'object' || found === null) continue;
    for (const [name, value] of Object.entries(found)) add(`${section}.${name}`, value);
  }
  return values;
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? null);
}

function shortened(value: string | null): string | null {
  return value === null || value.length <= LONGEST ? value : `${value.slice(0, LONGEST)}…`;
}
