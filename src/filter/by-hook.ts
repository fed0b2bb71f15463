/**
 * Whether a hook of ours will write what the smudge filter leaves.
 *
 * git takes a filter's answer through a pipe and holds all of it in memory before it writes the file. A hook that runs
 * after the command composes the file in its place instead, on all cores and in bounded memory, in less time. So the
 * filter leaves the manifest where it knows that the hook comes: under a command that always runs `post-checkout`, with
 * our hook in the folder that this git takes hooks from. Everywhere else (reset, stash, merge, rebase, a git without
 * the hook) the answer is no, and the filter streams.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isHookWired } from '../git/hooks';
import type { Repository } from '../git/repository';
import { callingCommand } from './caller';

/** Commands that run `post-checkout` whenever they have written files. */
const COMMANDS = new Set(['checkout', 'clone', 'restore', 'switch']);

/** Another index or work tree than the repository's own is not what the hook looks at. */
const ELSEWHERE = ['GIT_INDEX_FILE', 'GIT_WORK_TREE'];

/** During a rebase the hook leaves everything to its end; see hooks/post-checkout.ts. */
export function inRebase(repo: Repository): boolean {
  return ['rebase-merge', 'rebase-apply'].some((name) => existsSync(join(repo.gitDir, name)));
}

/** Whether the hook follows. */
export async function hookFollows(
  repo: Repository,
  command: string | null = callingCommand(),
): Promise<boolean> {
  if (command === null || !COMMANDS.has(command)) return false;
  if (ELSEWHERE.some((name) => process.env[name] !== undefined) || inRebase(repo)) return false;
  return isHookWired(repo, 'post-checkout');
}
