/**
 * The manifests that a path had before: what decides which tensors need not be stored again.
 *
 * In: a repository and a path in it. Out: the manifest in the index and the one in HEAD, those of
 * them that there are. A path that is new, or was committed before it was tracked, has none.
 */
import { resolve } from 'node:path';
import { catFile } from '../git/objects';
import type { Repository } from '../git/repository';
import { looksLikeManifest, type Manifest, parseManifest, toRecords } from '../manifest';

/** The index that git itself is using now; undefined: the default. A partial commit has its own. */
export function callersIndex(repo: Repository): string | undefined {
  const file = process.env.GIT_INDEX_FILE;
  return file ? resolve(repo.workTree || repo.cwd, file) : undefined;
}

/** A blob as a manifest; null when it is something else. Never throws because of content. */
export function manifestIn(blob: Buffer | null): Manifest | null {
  if (!blob || !looksLikeManifest(blob)) return null;
  try {
    return parseManifest(blob);
  } catch {
    return null;
  }
}

/** The manifest at a revision (`''` for the index) and path; null when there is none. */
export async function manifestAt(
  repo: Repository,
  rev: string,
  path: string,
  indexFile?: string,
): Promise<Manifest | null> {
  return manifestIn(await catFile(repo, `${rev}:${path}`, indexFile ? { indexFile } : {}));
}

/** The records to hand to `decompose`, newest first. */
export async function previousRecords(
  repo: Repository,
  path: string,
  indexFile?: string,
): Promise<string[]> {
  const found = [await manifestAt(repo, '', path, indexFile), await manifestAt(repo, 'HEAD', path)];
  const records = found.filter((manifest) => manifest !== null).map(toRecords);
  return [...new Set(records)];
}
