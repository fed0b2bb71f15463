/**
 * Uncommitted code at the start of a run, kept.
 *
 * In: a folder, and its code at that moment. Out: a snapshot of that code, `null` when HEAD is all of it. Refused: code
 * that changed while the snapshot was made, since stamps would name code that did not run.
 */
import { ThetaError } from '../../errors';
import { type SnapshotResult, snapshotFor } from '../snapshot';
import { type CodeAt, codeNow, isOtherCode } from './code-at';

/**
 * Keeps it.
 *
 * @throws ThetaError as `snapshot`; `ERR_THETA_PROVENANCE_REFUSED` when the code changed meanwhile.
 */
export async function keepCode(
  dir: string,
  atStart: CodeAt,
  signal: AbortSignal | undefined,
): Promise<SnapshotResult | null> {
  const { source, code_dirty, commit } = atStart.status.state;
  // Where the commit is only stated there are no files to keep.
  if (source === 'env' && !code_dirty) return null;
  const made = await snapshotFor(null, { dir, signal });
  if ((made && made.parent !== commit) || isOtherCode(atStart, await codeNow(dir)))
    throw new ThetaError(
      'ERR_THETA_PROVENANCE_REFUSED',
      'the code changed while the snapshot was made',
      { hint: 'Try again.' },
    );
  return made;
}
