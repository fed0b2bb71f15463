import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import type { ObjectRef } from '../manifest/types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export interface TransferOptions {
  signal?: AbortSignal /** After each object: how many of how many, and their bytes. */;
  onProgress?: (p: { done: number; total: number; bytes: number; totalBytes: number }) => void;
}
/** Uploads; throws ERR_THETA_PUSH_INCOMPLETE unless everything is on the remote. `remote`: a name or a URL. */
export function pushObjects(
  _repo: Repository,
  _remote: string,
  _refs: ObjectRef[],
  _o: TransferOptions = {},
): Promise<void> {
  return todo();
}
/** Downloads what is in no store of the repository; throws ERR_THETA_FETCH_INCOMPLETE with the list. */
export function fetchObjects(
  _repo: Repository,
  _refs: ObjectRef[],
  _o: TransferOptions & { remote?: string } = {},
): Promise<{ fetched: number; bytes: number }> {
  return todo();
}
/** `git lfs version`; throws LFS_MISSING, or LFS_TOO_OLD below 3.3. */
export function checkLfsVersion(_repo?: Repository): Promise<string> {
  return todo();
}
