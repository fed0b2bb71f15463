/** Which files a pattern of the root's `.gitattributes` matches, and what git does with them. */

import { lsFiles } from '../git/index';
import { catFile } from '../git/objects';
import type { Repository } from '../git/repository';
import { isManifest, MAX_MANIFEST } from '../manifest';
import { STORE_FOLDER } from '../store/paths';

/** A path and the filter that its attributes name; the empty text for none. */
export interface FilterUse {
  readonly path: string;
  readonly filter: string;
}

const fields = (text: string) => text.split('\0').slice(0, -1);

/** Files in the index or the work tree that match, except ignored ones and stores. */
export async function matchingFiles(repo: Repository, pattern: string): Promise<string[]> {
  const anywhere = pattern.includes('/') ? '' : '**/';
  const { stdout } = await repo.git([
    'ls-files',
    ...['-z', '--cached', '--others', '--exclude-standard', '--deduplicate', '--'],
    `:(top,glob)${anywhere}${pattern}`,
  ]);
  return fields(stdout).filter((path) => !path.startsWith(`${STORE_FOLDER}/`));
}

/** The filters of paths, by the attribute files of the work tree. */
export async function filtersOf(repo: Repository, paths: readonly string[]): Promise<FilterUse[]> {
  if (paths.length === 0) return [];
  const input = paths.map((path) => `${path}\0`).join('');
  const { stdout } = await repo.git(['check-attr', '-z', '--stdin', 'filter'], { input });
  const words = fields(stdout);
  const none = ['unspecified', 'unset', 'set'];
  return paths.map((path, i) => {
    const value = words[3 * i + 2] ?? '';
    return { path, filter: none.includes(value) ? '' : value };
  });
}

/** Those of the paths that the index has as they are, not as manifests. */
export async function rawFiles(repo: Repository, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const entries = (await lsFiles(repo, [...paths])).filter(({ mode }) => mode.startsWith('100'));
  const input = entries.map(({ oid }) => `${oid}\n`).join('');
  const { stdout } = await repo.git(['cat-file', '--batch-check=%(objectsize)'], { input });
  const sizes = stdout.split('\n').map(Number);
  const raw: string[] = [];
  for (const [i, { path, oid }] of entries.entries()) {
    const size = sizes[i] ?? Number.NaN;
    if (Number.isNaN(size)) continue; // absent in a partial clone: unknown
    const content = size > MAX_MANIFEST ? null : await catFile(repo, oid);
    if (content === null || !isManifest(content)) raw.push(path);
  }
  return [...new Set(raw)];
}
