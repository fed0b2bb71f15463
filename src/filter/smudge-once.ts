/**
 * Smudge of one file by a process of its own, for tools that do not speak the filter protocol.
 *
 * In: a path and its blob as a stream. Out: the bytes for the work tree, as smudge.ts says.
 */
import type { Repository } from '../git/repository';
import { missingObjects } from '../store/missing';
import type { StartTransfer } from './handshake';
import { ensureHooks } from './set-up';
import { fetchMissing, materialise, policyFor, smudgeable, smudgePolicy } from './smudge';
import { released, Spool } from './spool';

/** Answers with the checkpoint, fetching what is missing, or with the input itself. */
export async function smudgeOnce(
  repo: Repository,
  path: string,
  input: Iterable<Uint8Array>,
  skip: boolean,
  progress?: StartTransfer,
): Promise<Iterable<Buffer>> {
  const spool = new Spool(() => repo.temp());
  for (const piece of input) spool.write(piece);
  const file = smudgeable(spool, path);
  if (!file) return released(spool);
  spool.discard();
  await ensureHooks(repo);
  const policy = policyFor(path, await smudgePolicy(repo, skip));
  const missing = missingObjects(repo, file.manifest);
  if (missing.length > 0 && !policy.skip) await fetchMissing(repo, missing, progress);
  return materialise(repo, path, file.manifest, policy) ?? [file.blob];
}
