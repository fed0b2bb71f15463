/**
 * The stamps of the versions that a merge made a checkpoint from.
 *
 * In: a checkpoint that git tracks. Out: where the commit that its version in HEAD is from merged two of its versions,
 * the stamp of each. Of one that is itself the result of a merge, those that it was made from. A merge leaves no stamp in
 * the file: git's history has both. Nothing is found for files that differ from HEAD's, and in versions whose skeletons
 * are not here. Nothing is refused.
 */
import { dirname } from 'node:path';
import { isThetaError } from '../../errors';
import { catFiles, findObject } from '../../git/objects';
import { Repository } from '../../git/repository';
import { looksLikeManifest, MAX_MANIFEST, parseManifest, toRecords } from '../../manifest';
import type { Stamp } from '../stamp';
import { readStoredStamp, sidecarOf, stampIn } from './read';

/** A version that went into a merge. */
export interface MergedVersion {
  /** The commit of the model. */
  readonly version: string;
  readonly stamp: Stamp;
}

/** Versions that are looked at: merges of merges have many. */
const MOST = 64;

/**
 * The commits whose versions of `path` the newest change of it, seen from `commit`, has merged; none where that was no
 * merge.
 */
async function mergedIn(repo: Repository, commit: string, path: string): Promise<string[]> {
  const args = [
    'log',
    '-1',
    '--no-show-signature',
    '--format=%P',
    commit,
    '--',
    `:(top,literal)${path}`,
  ];
  const { code, stdout } = await repo.git(args, { check: false });
  const parents = code === 0 ? stdout.trim().split(' ') : [];
  return parents.length > 1 ? parents : [];
}

/** The stamp of a version: in it, or beside it. */
async function stampAt(repo: Repository, commit: string, path: string): Promise<Stamp | null> {
  const specs: string[] = [];
  for (const name of [path, sidecarOf(path)]) {
    const found = await findObject(repo, `${commit}:${name}`);
    // Larger ones are checkpoints that were not tracked.
    if (found && found.size <= MAX_MANIFEST) specs.push(found.oid);
  }
  for await (const { content } of catFiles(repo, specs)) {
    const { stamp } = looksLikeManifest(content)
      ? await readStoredStamp(toRecords(parseManifest(content)), repo.stores())
      : { stamp: stampIn(content.toString()) };
    if (stamp) return stamp;
  }
  return null;
}

/** Finds them; in the order of git's parents, each stamp once. */
export async function mergedVersions(file: string): Promise<MergedVersion[]> {
  try {
    const repo = await Repository.discover(dirname(file), { env: {} });
    const path = repo.relative(file, process.cwd());
    const first = await mergedIn(repo, 'HEAD', path);
    if (first.length === 0) return [];
    const literal = `:(top,literal)${path}`;
    const { stdout } = await repo.git(['status', '--porcelain', '--', literal]);
    if (stdout !== '') return [];
    const found = new Map<string, MergedVersion>();
    const open = [...first];
    for (let seen = 0; open.length > 0 && seen < MOST; seen++) {
      const version = open.shift() as string;
      const stamp = await stampAt(repo, version, path);
      if (stamp) found.set(JSON.stringify(stamp), { version, stamp });
      else open.push(...(await mergedIn(repo, version, path)));
    }
    return [...found.values()];
  } catch (error) {
    // Whatever keeps git from telling: there is nothing to add.
    if (isThetaError(error)) return [];
    throw error;
  }
}

/** What a stamp of the result says of them. */
export function parentsIn(versions: readonly MergedVersion[]): NonNullable<Stamp['parents']> {
  return versions.map(({ stamp: { git, content } }) => ({
    ...(content?.tensor_root ? { tensor_root: content.tensor_root.value } : {}),
    ...(git.commit ? { commit: git.commit } : {}),
    relation: 'merge',
  }));
}
