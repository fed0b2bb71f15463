import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Content of `.git_theta/.gitattributes`. */
export const STORE_ATTRIBUTES =
  '* filter=lfs diff=lfs merge=theta-store -text\n.gitattributes !filter !diff !merge !text\n';
/** Writes and stages the file; true when something changed. */
export function ensureStoreAttributes(
  _repo: Repository,
  _o: { indexFile?: string | undefined; workTree?: boolean } = {},
): Promise<boolean> {
  return todo();
}
