/**
 * Makes the index know the state of store files, without running Git LFS.
 *
 * In: paths below `.git_theta` whose content is known. Out: an index in which they are clean, so that `git status`
 * reads none of them. Git reads each file once and asks the filter what it stores; a process of ours gives the answers.
 * Files of Git LFS that are not in the table are answered truthfully too. Checkpoints that git would clean again because
 * they are as new as the index (it does so whenever it writes the index) are answered with their manifests, as long as
 * nothing wrote to them.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFile } from '../failure';
import { gitFailed } from '../git/child';
import type { Repository } from '../git/repository';
import { git } from '../git/run';
import { printPointer } from '../lfs/pointer';
import type { ObjectRef } from '../manifest/types';
import { type KnownFile, withKnownFiles } from './known-files';
import { STORE_FOLDER } from './paths';
import { unchangedFiles } from './unchanged-files';

export interface RefreshOptions {
  indexFile?: string | undefined;
  /** The script that answers; by default the compiled answer.js beside this file. */
  answer?: string | undefined;
  /** Checkpoints in the index, with their manifests there. */
  models?: readonly KnownFile[] | undefined;
}

/** How often, and after how many milliseconds, to try again when another git has locked the index. */
const ATTEMPTS = 20;
const PAUSE_MS = 50;

/** Starting a command costs about as much as streaming so many bytes. */
const LARGE = 4 * 1024 * 1024;

/** Whether a regular file of the object's size is there. */
function hasSize(repo: Repository, path: string, { size }: ObjectRef): boolean {
  const found = lstatSync(repo.absolute(path), { throwIfNoEntry: false });
  return found?.isFile() === true && found.size === size;
}

/** A constant, so that no path has to be quoted for the shell that git starts. */
const COMMAND = 'exec "$GIT_THETA_NODE" "$GIT_THETA_ANSWER" "$GIT_THETA_TABLE"';

/**
 * Refreshes the index below `.git_theta`, which has entries.
 *
 * @param known - for a path, the object whose bytes the file in the work tree has.
 */
export async function refreshIndex(
  repo: Repository,
  known: ReadonlyMap<string, ObjectRef>,
  o: RefreshOptions = {},
): Promise<void> {
  const { indexFile, models = [] } = o;
  const paths = models.map(({ path }) => path);
  const unchanged = await unchangedFiles(repo, paths, { indexFile });
  const settings = [
    ['filter.lfs.process', COMMAND],
    ['filter.lfs.required', 'true'],
  ] as const;
  const files = models.filter(({ path }) => unchanged.has(path));
  // git streams a file to the process to its end, but stops at once for a command that does not read.
  const large = [...known].filter(([path, ref]) => ref.size >= LARGE && hasSize(repo, path, ref));
  files.push(...large.map(([path, ref]) => ({ path, manifest: printPointer(ref) })));
  await withKnownFiles(repo, files, { indexFile, settings }, async (env, folder) => {
    const table = join(folder, 'table.json');
    const entries = Array.from(known, ([path, { oid, size }]) => [path, [oid, size]]);
    writeFile(table, JSON.stringify(Object.fromEntries(entries)));
    const args = ['add', '--refresh', '--', STORE_FOLDER];
    const settled = {
      ...env,
      GIT_LITERAL_PATHSPECS: '1',
      GIT_THETA_NODE: process.execPath,
      GIT_THETA_ANSWER: o.answer ?? join(__dirname, 'answer.js'),
      GIT_THETA_TABLE: table,
    };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { code, stderr } = await git(args, { cwd: repo.workTree, check: false, env: settled });
      if (code === 0) return;
      // Another git has locked the index.
      if (!/index\.lock/.test(stderr)) throw gitFailed(args, code, stderr);
      await sleep(PAUSE_MS);
    }
    // What the index does not know git looks up later.
  });
}
