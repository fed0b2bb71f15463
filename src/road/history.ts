/**
 * The manifests in a piece of history.
 *
 * In: arguments that `git rev-list` understands. Out: every version of a manifest that some commit
 * there brought in, with the commit that has it. A version that a merge took over from a parent
 * belongs to that parent. Memory grows with the number of versions, not with their sizes.
 */
import { manifestIn } from '../filter/previous';
import { catFiles } from '../git/objects';
import type { Repository } from '../git/repository';
import { looksLikeManifest, type Manifest } from '../manifest';
import { inStore } from '../store/paths';
import { type AttributesBlob, possibleModels } from './theta-attributes';

/** A version of a model in history. */
export interface Version {
  readonly commit: string;
  readonly path: string;
  readonly oid: string;
  readonly manifest: Manifest;
}

/** A path that a commit has otherwise than all of its parents; absent blobs are zeros. */
export interface Change {
  readonly commit: string;
  readonly path: string;
  readonly before: string[];
  readonly oid: string;
  readonly mode: string;
}

const ABSENT = /^0+$/;
/** Commits per call of git. */
const BATCH = 500;
const DIFF = [
  'diff-tree',
  '--stdin',
  '-c',
  '-r',
  '--root',
  '-z',
  '--raw',
  '--no-abbrev',
  '--no-renames',
];

/** Versions of models, each once. `tips` are the commits whose attributes apply too. */
export async function* versions(
  repo: Repository,
  revisions: readonly string[],
  tips: readonly string[],
): AsyncGenerator<Version, void> {
  const candidates = new Map<string, Change>();
  const attributes = new Map<string, AttributesBlob>();
  const remember = (path: string, oid: string) => {
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    if (!ABSENT.test(oid)) attributes.set(`${folder}:${oid}`, { folder, oid });
  };
  for await (const change of changes(repo, revisions)) {
    if (inStore(change.path)) continue;
    if (change.path === '.gitattributes' || change.path.endsWith('/.gitattributes')) {
      for (const oid of [...change.before, change.oid]) remember(change.path, oid);
    } else if (change.mode.startsWith('100')) {
      candidates.set(`${change.oid} ${change.path}`, change);
    }
  }
  for (const tip of tips) {
    for (const { path, oid } of await attributeFiles(repo, tip)) remember(path, oid);
  }
  const paths = [...new Set([...candidates.values()].map(({ path }) => path))];
  const models = await possibleModels(repo, paths, [...attributes.values()]);
  const wanted = [...candidates.values()].filter(({ path }) => models.has(path));

  let next = 0;
  for await (const { content } of catFiles(
    repo,
    wanted.map(({ oid }) => oid),
  )) {
    const { commit, path, oid } = wanted[next++] as Change;
    const manifest = looksLikeManifest(content) ? manifestIn(content) : null;
    if (manifest) yield { commit, path, oid, manifest };
  }
}

/** Changes against all parents, of all commits, as `diff-tree -c` sees them. */
async function* changes(
  repo: Repository,
  revisions: readonly string[],
): AsyncGenerator<Change, void> {
  const { stdout } = await repo.git(['rev-list', ...revisions, '--']);
  const commits = stdout.split('\n').filter((line) => line !== '');
  for (let start = 0; start < commits.length; start += BATCH) {
    const input = commits.slice(start, start + BATCH).map((commit) => `${commit}\n`);
    const { stdout: raw } = await repo.git(
      [...DIFF, '--', ':(top)', ':(top,exclude).git_theta/*/**'],
      {
        input: input.join(''),
      },
    );
    yield* parseChanges(raw);
  }
}

/** The output of `diff-tree --stdin -c -z`: commits, each followed by its changes. */
export function* parseChanges(raw: string): Generator<Change, void> {
  const fields = raw.split('\0');
  let commit = '';
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as string;
    if (!field.startsWith(':')) {
      if (field !== '') commit = field;
      continue;
    }
    const parents = /^:+/.exec(field)?.[0].length ?? 1;
    const columns = field.slice(parents).split(' ');
    const before = columns.slice(parents + 1, 2 * parents + 1);
    const oid = columns[2 * parents + 1] ?? '';
    const mode = columns[parents] ?? '';
    yield { commit, path: fields[++i] ?? '', before, oid, mode };
  }
}

/** All `.gitattributes` of a commit. */
async function attributeFiles(repo: Repository, rev: string) {
  const { stdout } = await repo.git(['ls-tree', '-r', '-z', '--full-tree', rev]);
  const files = [];
  for (const line of stdout.split('\0')) {
    const tab = line.indexOf('\t');
    const path = line.slice(tab + 1);
    if (tab < 0 || inStore(path) || !/(^|\/)\.gitattributes$/.test(path)) continue;
    files.push({ path, oid: line.slice(0, tab).split(' ')[2] as string });
  }
  return files;
}
