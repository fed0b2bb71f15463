/**
 * The repository that a question about provenance is about.
 *
 * In: a folder in its work tree. Out: where it is, and a way to ask git there. Variables such as `GIT_DIR` do not
 * count. Refused, with code `ERR_THETA_PROVENANCE_NO_GIT`: wherever there is none that git reads.
 */
import { isThetaError, ThetaError } from '../errors';
import { type Ask, askIn } from './git/ask';
import { type Location, locate, NoState } from './git/location';

/** A work tree, and git in its top folder. */
export interface OpenRepository extends Location {
  readonly ask: Ask;
}

/** An object id, in full. What a file says goes to git only when it is one. */
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Whether `value` is a full object id and nothing else. */
export function isObjectId(value: unknown): value is string {
  return typeof value === 'string' && OBJECT_ID.test(value);
}

/**
 * The repository that `folder` (by default the current one) is in.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_GIT`, `ERR_THETA_CANCELLED`
 */
export async function openRepository(
  folder: string = process.cwd(),
  signal?: AbortSignal,
): Promise<OpenRepository> {
  try {
    const location = await locate(folder, signal);
    return { ...location, ask: askIn(location.top, signal) };
  } catch (error) {
    if (isThetaError(error, 'ERR_THETA_CANCELLED') || signal?.aborted)
      throw new ThetaError('ERR_THETA_CANCELLED', 'cancelled', { cause: error });
    if (!(error instanceof NoState) && !isThetaError(error)) throw error;
    const { message, hint, cause = error } = error;
    throw new ThetaError('ERR_THETA_PROVENANCE_NO_GIT', message, { hint, cause });
  }
}
