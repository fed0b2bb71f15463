/**
 * What processes of ours that were killed have left behind.
 *
 * In: a repository and its models. Out: temporary files and folders of ours that nothing has
 * written to for an hour are gone: those in our own folders, and the unfinished checkpoints beside
 * the models. Failure is silent: the next run tries again.
 */
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Repository } from '../git/repository';

/** No command of ours leaves a temporary file alone for so long. */
const HOUR = 3_600_000;

/** Removes what was abandoned; `models` are paths of checkpoints. */
export function dropAbandoned(repo: Repository, models: Iterable<string>): void {
  for (const folder of new Set([repo.temp(), repo.objectTemp()])) {
    for (const name of names(folder)) drop(join(folder, name));
  }
  if (!repo.isBare) for (const path of models) dropUnfinished(repo, path);
}

/** Removes unfinished checkpoints beside a model. The core makes them, see compose/file.rs. */
export function dropUnfinished(repo: Repository, path: string): void {
  const folder = dirname(repo.absolute(path));
  const prefix = `.${basename(path)}.git-theta-`;
  for (const name of names(folder)) {
    if (name.startsWith(prefix) && /^\d+-\d+$/.test(name.slice(prefix.length))) {
      drop(join(folder, name));
    }
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function drop(path: string): void {
  try {
    if (Date.now() - newest(path) > HOUR) rmSync(path, { recursive: true, force: true });
  } catch {
    // Gone by now, or not ours to remove.
  }
}

/** When something was last written in it, in milliseconds. */
function newest(path: string): number {
  const stats = lstatSync(path);
  const inside = stats.isDirectory() ? names(path).map((name) => newest(join(path, name))) : [];
  return Math.max(stats.mtimeMs, ...inside);
}
