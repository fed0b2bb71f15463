/**
 * Which files are ours: those with `filter=theta`.
 *
 * In: paths, or a tree, or the index. Out: what git itself says about their attributes. Paths are from the root of the
 * work tree, with slashes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from './repository';

export interface AttributeSource {
  /** Take attributes from the index, not from the work tree. */
  cached?: boolean | undefined;
  indexFile?: string | undefined;
}

/** For each path, whether its filter is ours. */
export async function isTracked(
  repo: Repository,
  paths: readonly string[],
  o: AttributeSource = {},
): Promise<Map<string, boolean>> {
  const result = new Map<string, boolean>();
  if (paths.length === 0) return result;
  const args = ['check-attr', '-z', '--stdin', ...(o.cached ? ['--cached'] : []), 'filter'];
  const input = paths.map((path) => `${path}\0`).join('');
  const { stdout } = await repo.git(args, { input, indexFile: o.indexFile });
  const fields = stdout.split('\0');
  for (let at = 0; at + 2 < fields.length; at += 3) {
    result.set(fields[at] ?? '', fields[at + 2] === 'theta');
  }
  return result;
}

async function select(repo: Repository, stdout: string, indexFile?: string): Promise<string[]> {
  const paths = [...new Set(stdout.split('\0').filter((path) => path !== ''))];
  const tracked = await isTracked(repo, paths, { cached: true, indexFile });
  return paths.filter((path) => tracked.get(path) === true);
}

/**
 * The paths whose filter is ours, in git's order: in the index, or with `rev` in a commit or tree, by the attributes
 * that stand there.
 */
export async function trackedFiles(
  repo: Repository,
  o: { rev?: string | undefined; indexFile?: string | undefined } = {},
): Promise<string[]> {
  if (o.rev === undefined) {
    const { stdout } = await repo.git(['ls-files', '-z'], { indexFile: o.indexFile });
    return select(repo, stdout, o.indexFile);
  }
  // Attributes of a tree can be asked for since git 2.40 only; those of an index always.
  const folder = mkdtempSync(join(repo.scratch(), 'git-theta-index-'));
  try {
    const indexFile = join(folder, 'index');
    await repo.git(['read-tree', '--end-of-options', `${o.rev}^{tree}`], { indexFile });
    const { stdout } = await repo.git(['ls-files', '-z'], { indexFile });
    return await select(repo, stdout, indexFile);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
