/**
 * Smudge of one file by a process of its own, for tools that do not speak the filter protocol.
 *
 * In: a path and its blob as a stream. Out: the bytes for the work tree, as smudge.ts says.
 */
import type { Repository } from '../git/repository';
import { looksLikeManifest } from '../manifest';
import { missingObjects } from '../store/missing';
import { fetchMissing, materialise, smudgeable, smudgePolicy } from './smudge';
import { Spool } from './spool';

/** Answers with the checkpoint, fetching what is missing, or with the input itself. */
export async function smudgeOnce(
  repo: Repository,
  path: string,
  input: Iterable<Uint8Array>,
  skip: boolean,
): Promise<Iterable<Buffer>> {
  const spool = new Spool(() => repo.temp());
  for (const piece of input) spool.write(piece);
  const first = spool.pieces().next().value;
  if (!first || !looksLikeManifest(first)) return released(spool);
  const blob = spool.toBuffer();
  spool.discard();
  const manifest = smudgeable(blob, path);
  if (!manifest) return [blob];
  const policy = await smudgePolicy(repo, skip);
  const missing = missingObjects(repo, manifest);
  if (missing.length > 0 && !policy.skip) await fetchMissing(repo, missing);
  return materialise(repo, path, manifest, policy) ?? [blob];
}

/** A stream on hold, given up when it has been read or abandoned. */
export function* released(spool: Spool): Generator<Buffer, void> {
  try {
    yield* spool.pieces();
  } finally {
    spool.discard();
  }
}
