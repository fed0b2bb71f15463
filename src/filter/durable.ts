/** `theta.fsync`: whether what is written has to reach the disk before git goes on. */
import type { Repository } from '../git/repository';

/** False unless configured: git-lfs does not sync, and what is lost can be made again. */
export async function durable(repo: Repository): Promise<boolean> {
  return (await repo.config('theta.fsync', 'bool')) === 'true';
}
