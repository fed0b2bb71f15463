/**
 * Which checkpoints a command is about, and their manifests.
 *
 * In: paths, folders or globs as a user gives them, or a place to look (index, revision). Out:
 * repository-relative paths of tracked models in the order of git, and their manifests.
 *
 * Refused: a path outside the work tree, one that matches nothing, and one that is not tracked.
 */
import { lstatSync } from 'node:fs';
import { ThetaError } from '../errors';
import { manifestIn } from '../filter/previous';
import { isTracked, trackedFiles } from '../git/attributes';
import { type IndexEntry, lsFiles } from '../git/index';
import { catFiles } from '../git/objects';
import type { Repository } from '../git/repository';
import type { Manifest } from '../manifest';
import type { KnownFile } from '../store/known-files';
import { inStore } from '../store/paths';

/** A tracked model in the index or in a tree. */
export interface Model {
  readonly path: string;
  /** Blob that git stores. */
  readonly oid: string;
  readonly mode: string;
  /** Null when the blob is no manifest: committed before it was tracked, or in conflict. */
  readonly manifest: Manifest | null;
  /** The blob's text when it is a manifest. */
  readonly text: string;
}

/**
 * Tracked models that the user's paths select. `worktree`: also files that git does not have yet.
 * No paths: everything below the current folder.
 */
export async function selectModels(
  repo: Repository,
  paths: readonly string[],
  options: { worktree: boolean; indexFile?: string | undefined },
): Promise<string[]> {
  const found = new Set<string>();
  for (const path of paths.length > 0 ? paths : ['.']) {
    const relative = repo.relative(path);
    const exact = await exactFile(repo, relative, options.indexFile);
    const candidates = exact
      ? [relative]
      : await listed(repo, relative, options.worktree, options.indexFile);
    if (candidates.length === 0 && paths.length > 0 && !isFolder(repo, relative)) {
      throw new ThetaError('ERR_THETA_NOT_FOUND', `'${path}' matches no file`, {
        path,
        hint: 'See the tracked checkpoints with `git theta ls-files`.',
      });
    }
    const tracked = await isTracked(
      repo,
      candidates.filter((candidate) => !inStore(candidate)),
    );
    const models = candidates.filter((candidate) => tracked.get(candidate));
    if (models.length === 0 && paths.length > 0) throw notTracked(path, exact);
    for (const model of models) found.add(model);
  }
  return [...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function notTracked(path: string, file: boolean): ThetaError {
  const message = file
    ? `'${path}' is not tracked by git-theta`
    : `'${path}' contains no checkpoint that git-theta tracks`;
  const name = file ? path : '<path>';
  return new ThetaError('ERR_THETA_NOT_TRACKED', message, {
    path,
    hint: `Track it first with \`git theta track ${quoted(name)}\`.`,
  });
}

/** A path as it can be pasted into a shell. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./<>-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function isFolder(repo: Repository, relative: string): boolean {
  const stats = lstatSync(repo.absolute(relative || '.'), { throwIfNoEntry: false });
  return stats?.isDirectory() ?? false;
}

/** Whether the path names one file, in the work tree or in the index, globs not considered. */
async function exactFile(repo: Repository, relative: string, indexFile?: string): Promise<boolean> {
  if (relative === '' || relative === '.') return false;
  const stats = lstatSync(repo.absolute(relative), { throwIfNoEntry: false });
  if (stats) return !stats.isDirectory();
  const entries = await lsFiles(repo, [relative], { indexFile });
  return entries.some(({ path }) => path === relative);
}

/** Files below a folder, or that match a glob, as git's own pathspecs mean them. */
async function listed(
  repo: Repository,
  relative: string,
  worktree: boolean,
  indexFile?: string,
): Promise<string[]> {
  const which = worktree ? ['--cached', '--others', '--exclude-standard'] : ['--cached'];
  const pathspec = relative === '' ? '.' : relative;
  const { stdout } = await repo.git(['ls-files', '-z', ...which, '--', pathspec], { indexFile });
  return [...new Set(stdout.split('\0').filter((path) => path !== '' && !inStore(path)))];
}

/** The models in the index; of these paths, or all. Unmerged paths are left out. */
export async function modelsInIndex(
  repo: Repository,
  paths: readonly string[] | null,
  indexFile?: string,
): Promise<Model[]> {
  const wanted = new Set(paths ?? (await trackedFiles(repo, indexFile ? { indexFile } : {})));
  if (wanted.size === 0) return [];
  const entries = await lsFiles(repo, [...wanted], { indexFile });
  const merged = entries.filter(({ path, stage }) => stage === 0 && wanted.has(path));
  return load(repo, merged);
}

/** What git stores for these models. */
export function knownFiles(models: readonly Model[]): KnownFile[] {
  return models
    .filter(({ manifest }) => manifest)
    .map(({ path, text }) => ({ path, manifest: text }));
}

/** The models in a commit's tree; none when the revision does not exist (an unborn branch). */
export async function modelsInTree(repo: Repository, rev: string): Promise<Model[]> {
  const { code } = await repo.git(['rev-parse', '--verify', '--quiet', `${rev}^{tree}`], {
    check: false,
  });
  if (code !== 0) return [];
  const wanted = await trackedFiles(repo, { rev });
  if (wanted.length === 0) return [];
  const { stdout } = await repo.git([
    'ls-tree',
    '-r',
    '-z',
    '--full-tree',
    rev,
    '--',
    ...prefixes(wanted),
  ]);
  const paths = new Set(wanted);
  return load(
    repo,
    parseTree(stdout).filter(({ path }) => paths.has(path)),
  );
}

/** Few enough arguments for any system: the files themselves, or everything. */
function prefixes(paths: readonly string[]): string[] {
  return paths.length <= 100 ? [...paths] : [];
}

/** Blobs of `ls-tree -z`. */
export function parseTree(text: string): Pick<IndexEntry, 'path' | 'oid' | 'mode'>[] {
  const entries = [];
  for (const line of text.split('\0')) {
    const tab = line.indexOf('\t');
    const [mode, type, oid] = line.slice(0, tab).split(' ');
    if (tab > 0 && type === 'blob' && mode && oid)
      entries.push({ path: line.slice(tab + 1), oid, mode });
  }
  return entries;
}

async function load(
  repo: Repository,
  entries: readonly Pick<IndexEntry, 'path' | 'oid' | 'mode'>[],
): Promise<Model[]> {
  const files = entries.filter(({ mode }) => mode.startsWith('100'));
  const models: Model[] = [];
  let next = 0;
  for await (const { content } of catFiles(
    repo,
    files.map(({ oid }) => oid),
  )) {
    const entry = files[next++] as IndexEntry;
    const manifest = manifestIn(content);
    const { path, oid, mode } = entry;
    models.push({ path, oid, mode, manifest, text: manifest ? content.toString('utf8') : '' });
  }
  return models;
}
