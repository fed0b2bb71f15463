/**
 * The ids of the paths that `theta.provenance.codePath` names.
 *
 * In: a folder of a repository. Out: for each path the id of its tree or blob in HEAD, `missing` when it is not there.
 * Refused: nothing; without the setting there is nothing.
 */
import { getAllConfig } from '../../git/config';
import { askIn } from '../git/ask';
import type { GitState } from '../stamp';

/** The paths from the top of the work tree, with their ids; undefined without the setting or a commit. */
export async function codePaths(
  dir: string,
  state: Pick<GitState, 'commit' | 'source'>,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (state.source !== 'git' || state.commit === null) return undefined;
  const paths = await getAllConfig('theta.provenance.codePath', { cwd: dir });
  if (paths.length === 0) return undefined;
  return idsOf(dir, state.commit, paths);
}

/** The ids of paths in a commit. */
export async function idsOf(
  dir: string,
  commit: string,
  paths: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const ask = askIn(dir);
  const found: [string, string][] = [];
  for (const path of [...new Set(paths)].sort()) {
    // No path has a NUL, and no argument of a program can.
    if (path.includes('\0')) {
      found.push([path, 'missing']);
      continue;
    }
    const spec = `${commit}:${path.replace(/^\.?\/+|\/+$/g, '')}`;
    const { text, code } = await ask(['rev-parse', '--verify', '--quiet', spec], { mayFail: true });
    found.push([path, code === 0 ? text.trim() : 'missing']);
  }
  return Object.fromEntries(found);
}
