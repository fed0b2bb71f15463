/**
 * The commit that took another's place when history was rewritten.
 *
 * In: what is known of a commit that no branch has. Out: the commit of the present history with the same files, with
 * the same code, or with the same change; nothing when there is none. Commits of the same author's date, which a rebase
 * and an amendment keep, are looked at first, then the newest.
 */
import type { Ask } from '../git/ask';
import { codeTree } from '../git/code-tree';
import type { OpenRepository } from '../open';
import { headOf, LOG } from './commits';

/** What two commits have in common: all files, the code, or the change that they make. */
export type Likeness = 'tree' | 'code-tree' | 'patch-id';

/** A commit that took another's place. */
export interface Successor {
  readonly commit: string;
  readonly by: Likeness;
}

/** What is looked for. */
export interface Wanted {
  readonly commit: string;
  /** Whether git still has it. */
  readonly here: boolean;
  readonly tree: string | null;
  readonly codeTree: string | null;
  readonly authorDate: number | null;
}

interface Candidate {
  readonly commit: string;
  readonly tree: string;
  readonly date: number;
}

/** How many commits are looked at: each costs nothing, two questions to git, or a diff. */
const MOST = { tree: 100_000, codeTree: 500, patch: 2000 };
const BATCH = 100;

/** Looks for it. */
export async function findSuccessor(
  repo: OpenRepository,
  wanted: Wanted,
): Promise<Successor | null> {
  const { ask } = repo;
  const [own] = wanted.here ? await candidates(ask, ['-1', wanted.commit]) : [];
  const date = own?.date ?? wanted.authorDate;
  const tree = own?.tree ?? wanted.tree;
  const all = sorted(await history(ask, []), date);
  const same = all.find((candidate) => candidate.tree === tree);
  if (same) return { commit: same.commit, by: 'tree' };
  const code = own ? (await codeTree(ask, own.commit, repo.objectFormat)).id : wanted.codeTree;
  const withCode = code === null ? null : await byCode(repo, code, all);
  if (withCode) return { commit: withCode, by: 'code-tree' };
  if (!own) return null;
  // What was before it did not take its place.
  const later = sorted(await history(ask, ['--no-merges', '--not', own.commit]), date);
  const withPatch = await byPatch(ask, own.commit, later);
  return withPatch === null ? null : { commit: withPatch, by: 'patch-id' };
}

/** Commits that HEAD, branches and tags have. */
async function history(ask: Ask, more: readonly string[]): Promise<Candidate[]> {
  const head = (await headOf(ask)) === null ? [] : ['HEAD'];
  const all = ['--branches', '--remotes', '--tags', ...head];
  return candidates(ask, [`--max-count=${MOST.tree}`, ...all, ...more]);
}

async function candidates(ask: Ask, args: readonly string[]): Promise<Candidate[]> {
  const { text } = await ask([...LOG, '--format=%H %T %at', ...args]);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [commit = '', tree = '', date] = line.split(' ');
      return { commit, tree, date: Number(date) };
    });
}

function sorted(all: readonly Candidate[], date: number | null): Candidate[] {
  const isLike = (candidate: Candidate): boolean => candidate.date === date;
  return [...all.filter(isLike), ...all.filter((candidate) => !isLike(candidate))];
}

async function byCode(
  { ask, objectFormat }: OpenRepository,
  id: string,
  all: readonly Candidate[],
): Promise<string | null> {
  const seen = new Set<string>();
  for (const { commit, tree } of all.slice(0, MOST.codeTree)) {
    if (seen.has(tree)) continue;
    seen.add(tree);
    if ((await codeTree(ask, commit, objectFormat)).id === id) return commit;
  }
  return null;
}

async function byPatch(
  ask: Ask,
  commit: string,
  all: readonly Candidate[],
): Promise<string | null> {
  const id = (await patchIds(ask, [commit])).get(commit);
  if (id === undefined) return null;
  const most = Math.min(all.length, MOST.patch);
  for (let at = 0; at < most; at += BATCH) {
    const batch = all.slice(at, Math.min(at + BATCH, most)).map((candidate) => candidate.commit);
    const ids = await patchIds(ask, batch);
    const found = batch.find((candidate) => ids.get(candidate) === id);
    if (found !== undefined) return found;
  }
  return null;
}

/** Ids of the changes that commits make to files other than stored tensors; merges and empty ones have none. */
async function patchIds(ask: Ask, commits: readonly string[]): Promise<Map<string, string>> {
  const options = ['--root', '--no-renames', '--no-ext-diff', '--no-textconv', '--full-index'];
  const paths = ['--', ':(top)', ':(top,exclude).git_theta'];
  const input = commits.map((commit) => `${commit}\n`).join('');
  const diff = await ask(['diff-tree', '--stdin', '-p', ...options, ...paths], { input });
  const { text } = await ask(['patch-id', '--stable'], { input: diff.text });
  return new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line): [string, string] => {
        const [id = '', commit = ''] = line.split(' ');
        return [commit, id];
      }),
  );
}
