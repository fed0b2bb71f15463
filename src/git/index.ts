/**
 * The index and trees: listed and changed in bulk.
 *
 * In: paths from the root of the work tree, taken literally. Out: entries in git's order. Changing the index touches no
 * file of the work tree.
 */
import type { Repository } from './repository';

/** What an index is to have at a path. */
export interface IndexUpdate {
  path: string;
  /** null removes the path. */
  oid: string | null;
  /** `100644` by default. */
  mode?: string | undefined;
}

export interface IndexEntry {
  path: string;
  oid: string;
  mode: string;
  /** 0, or 1 to 3 in a conflict. */
  stage: number;
}

export interface TreeEntry {
  path: string;
  oid: string;
  mode: string;
  /** `blob`, or `commit` for a submodule. */
  type: string;
}

export interface IndexOptions {
  /** Another index than the repository's, as git names it to hooks. */
  indexFile?: string | undefined;
}

const LITERAL = { GIT_LITERAL_PATHSPECS: '1' };

/** Sets and removes entries. Conflicts at these paths are resolved by it. Removals come first: a file may become a folder. */
export async function updateIndex(
  repo: Repository,
  entries: readonly IndexUpdate[],
  o: IndexOptions = {},
): Promise<void> {
  if (entries.length === 0) return;
  const none = '0'.repeat(repo.objectFormat === 'sha256' ? 64 : 40);
  const removed = entries.filter(({ oid }) => oid === null);
  const set = entries.filter(({ oid }) => oid !== null);
  const lines = [...removed, ...set].map(({ path, oid, mode }) =>
    oid === null ? `0 ${none}\t${path}\0` : `${mode ?? '100644'} ${oid}\t${path}\0`,
  );
  await repo.git(['update-index', '-z', '--index-info'], {
    input: lines.join(''),
    indexFile: o.indexFile,
  });
}

/** `<before>\t<path>` entries, each ended by NUL. */
function* fields(output: string): Generator<[string[], string], void> {
  for (const line of output.split('\0')) {
    const tab = line.indexOf('\t');
    if (tab >= 0) yield [line.slice(0, tab).split(' '), line.slice(tab + 1)];
  }
}

/** Entries of the index: all, or those that are, or lie below, one of `paths`. */
export async function lsFiles(
  repo: Repository,
  paths: readonly string[] = [],
  o: IndexOptions = {},
): Promise<IndexEntry[]> {
  // A pathspec list from standard input does not exist here, and a command line is finite.
  if (paths.length > 1000) {
    const wanted = new Set(paths);
    const all = await lsFiles(repo, [], o);
    return all.filter(({ path }) => isBelow(path, wanted));
  }
  const args = ['ls-files', '-s', '-z', '--', ...paths];
  const { stdout } = await repo.git(args, { env: LITERAL, indexFile: o.indexFile });
  return Array.from(fields(stdout), ([[mode = '', oid = '', stage], path]) => ({
    path,
    oid,
    mode,
    stage: Number(stage),
  }));
}

/** Files of a commit or tree: all, or those that are, or lie below, one of `paths`. */
export async function lsTree(
  repo: Repository,
  rev: string,
  paths: readonly string[] = [],
): Promise<TreeEntry[]> {
  if (paths.length > 1000) {
    const wanted = new Set(paths);
    const all = await lsTree(repo, rev);
    return all.filter(({ path }) => isBelow(path, wanted));
  }
  const args = ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', rev, ...paths];
  const { stdout } = await repo.git(args, { env: LITERAL });
  return Array.from(fields(stdout), ([[mode = '', type = '', oid = ''], path]) => ({
    path,
    oid,
    mode,
    type,
  }));
}

function isBelow(path: string, wanted: ReadonlySet<string>): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (wanted.has(path.slice(0, end))) return true;
  }
  return wanted.has('');
}
