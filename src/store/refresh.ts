/**
 * Makes the index know the state of work-tree files, without running Git LFS.
 *
 * In: paths whose content is known. Out: an index in which they are clean, so that `git status` reads none of them. Git
 * reads each file once and asks the filter what it stores; a process of ours gives the answers. Files of Git LFS that
 * are not in the table are answered truthfully too.
 */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFile } from '../failure';
import { gitFailed } from '../git/child';
import type { Repository } from '../git/repository';
import type { ObjectRef } from '../manifest/types';

export interface RefreshOptions {
  indexFile?: string | undefined;
  /** The script that answers; by default the compiled answer.js beside this file. */
  answer?: string | undefined;
}

/** How often, and after how many milliseconds, to try again when another git has locked the index. */
const ATTEMPTS = 20;
const PAUSE_MS = 50;

/** A constant, so that no path has to be quoted for the shell that git starts. */
const COMMAND = 'exec "$GIT_THETA_NODE" "$GIT_THETA_ANSWER" "$GIT_THETA_TABLE"';

/**
 * Refreshes the index.
 *
 * @param known - for a path, the object whose bytes the file in the work tree has.
 */
export async function refreshIndex(
  repo: Repository,
  known: ReadonlyMap<string, ObjectRef>,
  o: RefreshOptions = {},
): Promise<void> {
  const folder = await mkdtemp(join(repo.temp(), 'refresh-'));
  try {
    const table = join(folder, 'table.json');
    const entries = Array.from(known, ([path, { oid, size }]) => [path, [oid, size]]);
    writeFile(table, JSON.stringify(Object.fromEntries(entries)));
    const args = ['-c', `filter.lfs.process=${COMMAND}`, 'update-index', '-q', '--refresh'];
    const env = {
      GIT_THETA_NODE: process.execPath,
      GIT_THETA_ANSWER: o.answer ?? join(__dirname, 'answer.js'),
      GIT_THETA_TABLE: table,
    };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { code, stderr } = await repo.git(args, { indexFile: o.indexFile, check: false, env });
      // 1: some file is modified, which is not our concern here.
      if (code <= 1) return;
      // Without a word: another git has locked the index.
      if (code !== 128 || stderr !== '') throw gitFailed(args, code, stderr);
      await sleep(PAUSE_MS);
    }
    // What the index does not know git looks up later.
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
