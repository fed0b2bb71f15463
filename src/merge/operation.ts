/**
 * The operation that a conflict has stopped: which one it is, and how git goes on with it or undoes it.
 *
 * In: a repository. Out: the operation as git itself sees it. A squash and a stash leave no trace of being in progress:
 * there is none for them.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnvironment, notStarted } from '../git/child';
import type { Repository } from '../git/repository';

/** Commands of git that can stop in the middle. */
export type Operation = 'merge' | 'cherry-pick' | 'revert' | 'rebase' | 'am';

/** The operation in progress; null when there is none. */
export function operationInProgress(repo: Pick<Repository, 'gitDir'>): Operation | null {
  const has = (name: string): boolean => existsSync(join(repo.gitDir, name));
  // A rebase picks and merges; what it stopped in is only part of it.
  if (has('rebase-merge')) return 'rebase';
  if (has('rebase-apply')) return has('rebase-apply/applying') ? 'am' : 'rebase';
  if (has('MERGE_HEAD')) return 'merge';
  if (has('CHERRY_PICK_HEAD')) return 'cherry-pick';
  if (has('REVERT_HEAD')) return 'revert';
  return severalCommits(repo);
}

/** Of several commits, one may have been committed by hand, with others still to come. */
function severalCommits(repo: Pick<Repository, 'gitDir'>): Operation | null {
  try {
    const todo = readFileSync(join(repo.gitDir, 'sequencer', 'todo'), 'utf8');
    return /^(r|revert) /.test(todo) ? 'revert' : 'cherry-pick';
  } catch {
    return null;
  }
}

/** How {@link runOperation} runs git. */
export interface RunOptions {
  /** Let git open an editor for the message of the commit. */
  readonly edit?: boolean;
  /** Standard output belongs to a document of ours: what git prints goes to standard error. */
  readonly aside?: boolean;
}

/** Runs `git <operation> --continue` or `--abort` on the user's terminal; the exit code. */
export function runOperation(
  repo: Repository,
  operation: Operation,
  action: 'continue' | 'abort',
  options: RunOptions = {},
): Promise<number> {
  const env = { ...repo.env(), ...(!options.edit && { GIT_EDITOR: ':' }) };
  return new Promise((resolve, reject) => {
    const child = spawn('git', [operation, `--${action}`], {
      cwd: repo.workTree,
      env: childEnvironment(env),
      stdio: ['inherit', options.aside ? 2 : 'inherit', 'inherit'],
      windowsHide: true,
    });
    child.on('error', (error) => reject(notStarted(error, repo.workTree)));
    child.on('close', (code) => resolve(code ?? 128));
  });
}
