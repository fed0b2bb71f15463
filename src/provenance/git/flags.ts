/**
 * What makes git's answer about the work tree less certain.
 *
 * In: a work tree. Out: paths that git is told not to look at, and what git is in the middle of.
 */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { operationInProgress } from '../../merge/operation';
import { type Ask, fileOf, records } from './ask';

/**
 * Paths marked assume-unchanged, or skip-worktree although they are there: a sparse checkout marks those that are not.
 * One character for each byte.
 */
export async function overlooked(ask: Ask, top: string): Promise<string[]> {
  const { text } = await ask(['ls-files', '-v', '-z']);
  const found: string[] = [];
  for (const record of records(text)) {
    const tag = record.charAt(0);
    const path = record.slice(2);
    if (/[a-z]/.test(tag) || (tag === 'S' && isThere(fileOf(top, path)))) found.push(path);
  }
  return found;
}

function isThere(path: Buffer): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** What git is in the middle of. */
export function operation(gitDir: string): string | null {
  const found = operationInProgress({ gitDir });
  return found ?? (existsSync(join(gitDir, 'BISECT_LOG')) ? 'bisect' : null);
}
