import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import type { Manifest, ObjectRef } from '../manifest/types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Objects that are in none of the repository's stores. */
export function missingObjects(_repo: Repository, _manifest: Manifest): ObjectRef[] {
  return todo();
}
