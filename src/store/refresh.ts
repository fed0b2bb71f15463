import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import type { ObjectRef } from '../manifest/types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Makes git's stat data right without running git-lfs; `known`: work-tree content by path. */
export function refreshIndex(
  _repo: Repository,
  _known: Map<string, ObjectRef>,
  _o: { indexFile?: string | undefined; answer?: string | undefined } = {},
): Promise<void> {
  return todo();
}
