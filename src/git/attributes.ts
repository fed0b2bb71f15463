import { ThetaError } from '../errors';
import type { Repository } from './repository';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Repo-relative paths → whether `filter=theta` applies. `indexFile`/`cached`: attributes from the index instead of the work tree. */
export function isTracked(
  _repo: Repository,
  _paths: string[],
  _o: { cached?: boolean; indexFile?: string } = {},
): Promise<Map<string, boolean>> {
  return todo();
}
/** Sorted paths with filter=theta in the index (`{}`) or in a tree (`{rev}`). */
export function trackedFiles(
  _repo: Repository,
  _o: { rev?: string; indexFile?: string } = {},
): Promise<string[]> {
  return todo();
}
