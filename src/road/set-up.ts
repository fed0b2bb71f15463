/**
 * Whether git here is one that git-theta works with, and knows the filter.
 *
 * Without the filter git shows every checkpoint as modified, and `git add` stores it as it is, in
 * git itself. So commands that write refuse to begin.
 */
import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';

/** Refused: a git that is too old, and a configuration without `filter.theta`. */
export async function requireSetUp(repo: Repository): Promise<void> {
  const [filter] = await Promise.all([repo.config('filter.theta.clean'), repo.checkVersion()]);
  if (filter !== null) return;
  const path = repo.workTree || repo.gitDir;
  const message = `the filters of git-theta are not installed for '${path}'`;
  throw new ThetaError('ERR_THETA_NOT_INSTALLED', message, {
    path,
    hint: 'Install them with `git theta install`; then `git theta checkout` writes the checkpoints.',
  });
}
