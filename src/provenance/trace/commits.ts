/**
 * What git knows of a commit, and how two commits and their code differ.
 *
 * In: ids in full. Out: facts. Models do not count among what changed.
 */
import { type Ask, readable, records } from '../git/ask';
import { modelsAmong } from '../git/models';

/** A commit that is here. */
export interface CommitFacts {
  readonly commit: string;
  readonly author: string;
  /** When it was written, in seconds since 1970. */
  readonly date: number;
  readonly subject: string;
  /** By the nearest tag before it; `null` without a tag. */
  readonly describe: string | null;
  /** Branches and tags that have it, at most 10. */
  readonly refs: readonly string[];
  /** HEAD, a branch or a tag has it. Otherwise git will delete it some day. */
  readonly reachable: boolean;
}

/** How far one commit is from another. */
export interface Distance {
  /** Commits that only the second has. */
  readonly ahead: number;
  /** Commits that only the first has. */
  readonly behind: number;
}

/** What of the code differs. */
export interface CodeChanges {
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
  /** At most 100 of the files. Numbers of lines are `null` for files that are no text. */
  readonly changed: readonly {
    readonly path: string;
    readonly insertions: number | null;
    readonly deletions: number | null;
  }[];
}

const LISTED_REFS = 10;
const LISTED_FILES = 100;

/** Refs of people: snapshots keep rewritten commits alive, but are no history. */
const HISTORY = ['refs/heads', 'refs/remotes', 'refs/tags'];

/** `git log` that no configuration changes. */
export const LOG = ['log', '--no-show-signature', '--no-color', '--no-notes', '--encoding=UTF-8'];

/** Whether an id is that of a commit that is here. Nothing is fetched for it: a stamp may name what it wants. */
export async function isCommit(ask: Ask, id: string): Promise<boolean> {
  const env = { GIT_NO_LAZY_FETCH: '1' };
  const { code, text } = await ask(['cat-file', '-t', id], { mayFail: true, env });
  return code === 0 && text.trim() === 'commit';
}

/** The commit that HEAD names; `null` when there is none yet. */
export async function headOf(ask: Ask): Promise<string | null> {
  const found = await ask(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { mayFail: true });
  return found.code === 0 ? found.text.trim() : null;
}

/** What git knows of a commit that is here. */
export async function factsOf(ask: Ask, commit: string): Promise<CommitFacts> {
  const [log, described, refs, before] = await Promise.all([
    ask([...LOG, '-1', '-z', '--format=%an%x00%at%x00%s', commit]),
    ask(['describe', '--tags', commit], { mayFail: true }),
    ask([
      'for-each-ref',
      `--count=${LISTED_REFS}`,
      `--contains=${commit}`,
      '--format=%(refname:short)',
      ...HISTORY,
    ]),
    ask(['merge-base', '--is-ancestor', commit, 'HEAD'], { mayFail: true }),
  ]);
  const [author = '', date, subject = ''] = records(log.text).map(readable);
  const names = readable(refs.text).split('\n').filter(Boolean);
  return {
    commit,
    author,
    date: Number(date),
    subject,
    describe: described.code === 0 ? readable(described.text.trim()) : null,
    refs: names,
    reachable: names.length > 0 || before.code === 0,
  };
}

/** How far `to` is from `from`. */
export async function distance(ask: Ask, from: string, to: string): Promise<Distance> {
  const { text } = await ask(['rev-list', '--left-right', '--count', `${from}...${to}`]);
  const [behind = 0, ahead = 0] = text.trim().split('\t').map(Number);
  return { ahead, behind };
}

/** What of the code differs between two commits. */
export async function codeChanges(ask: Ask, from: string, to: string): Promise<CodeChanges> {
  const plain = ['--no-renames', '--no-ext-diff', '--no-textconv', '--ignore-submodules=none'];
  const { text } = await ask(['diff-tree', '-r', '-z', '--numstat', ...plain, from, to]);
  const all = records(text).map((record) => {
    const [insertions = '', deletions = '', ...path] = record.split('\t');
    return { path: path.join('\t'), insertions: lines(insertions), deletions: lines(deletions) };
  });
  const models = await modelsAmong(
    ask,
    all.map(({ path }) => path),
  );
  const code = all.filter(({ path }) => !models.has(path));
  const sum = (of: (file: (typeof code)[number]) => number | null): number =>
    code.reduce((total, file) => total + (of(file) ?? 0), 0);
  return {
    files: code.length,
    insertions: sum(({ insertions }) => insertions),
    deletions: sum(({ deletions }) => deletions),
    changed: code.slice(0, LISTED_FILES).map((file) => ({ ...file, path: readable(file.path) })),
  };
}

/** git has a dash for what is no text. */
function lines(field: string): number | null {
  return field === '-' ? null : Number(field);
}
