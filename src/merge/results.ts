/**
 * Results for the driver of the store files, and where it looks them up.
 *
 * In: results of one merge. Out: one small file for each below `theta/merge` in the git directory of the work tree, named
 * after both sides' content; the driver is a line of shell and only copies. Results hold for one merge base, so those of
 * an earlier merge are removed first, and all of them when a merge has ended.
 */
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mergeResultPath } from '../config/store-driver';
import { writeFile } from '../failure';
import { repositoryVariables } from '../git/environment';
import { gitSync } from '../git/run';
import { printPointer } from '../lfs/pointer';
import { STORE_FOLDER, storeRoot } from '../store/paths';
import type { StoreResult } from './store-prediction';

const FOLDER = join('theta', 'merge');

/**
 * The git directory as a driver sees it: git starts it in the root of the work tree. Looked for in the same places as by
 * the driver of the store files.
 */
export function driverGitDir(): string {
  const given = process.env.GIT_DIR || '.git';
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory()) return given;
  const { stdout } = gitSync(['rev-parse', '--git-dir'], { env: repositoryVariables() });
  return stdout.replace(/\n$/, '');
}

/** Replaces the results of a model. */
export function recordResults(
  gitDir: string,
  modelPath: string,
  results: readonly StoreResult[],
): void {
  rmSync(join(gitDir, FOLDER, storeRoot(modelPath)), { recursive: true, force: true });
  for (const { path, ours, theirs, result } of results) {
    const file = mergeResultPath(gitDir, path, ours, theirs);
    mkdirSync(dirname(file), { recursive: true });
    writeFile(file, printPointer(result));
  }
}

/** Forgets the results of all models. To be called when a merge has ended; none left is no error. */
export function forgetResults(gitDir: string): void {
  rmSync(join(gitDir, FOLDER), { recursive: true, force: true });
}

/**
 * Whether git merges the store of a model before the model: it goes through all paths backwards. The driver of the store
 * files then finds nothing, and must not find anything that an earlier merge has left.
 */
export function storeComesFirst(modelPath: string): boolean {
  return Buffer.compare(Buffer.from(modelPath), Buffer.from(`${STORE_FOLDER}/`)) < 0;
}
