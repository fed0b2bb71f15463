/**
 * The first smudge in a clone installs the repository's hooks, as git-lfs does.
 *
 * A clone has nobody's hooks, and the filter is the first thing of ours that runs in it. It is
 * done once: who removes the hooks afterwards does not get them back unasked.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installHooks } from '../git/hooks';
import type { Repository } from '../git/repository';

/** Never fails: hooks are not the only line of defence, and git is waiting for content. */
export async function ensureHooks(repo: Repository): Promise<void> {
  const marker = join(repo.thetaDir, 'hooks-installed');
  if (repo.isBare || existsSync(marker)) return;
  try {
    await installHooks(repo);
    mkdirSync(repo.thetaDir, { recursive: true });
    writeFileSync(marker, '');
  } catch {
    // `git theta doctor` says what is not wired.
  }
}
