/**
 * Where a store tree and its manifest disagree.
 *
 * In: a model's manifest and the entries below its store's root, in an index or in a tree. Out:
 * what the store lacks, has wrongly, or has too much. The manifest is right: everything it names
 * that the store does not have as a pointer is an object that git-lfs does not know of.
 */
import { lsFiles } from '../git/index';
import { blobOid } from '../git/pack';
import type { Repository } from '../git/repository';
import { printPointer } from '../lfs/pointer';
import type { Manifest, ObjectRef } from '../manifest';
import { isStampFile, storeFiles, storeRoot } from '../store/paths';
import { parseTree } from './models';

/** The difference between a store and its manifest. Empty lists: they agree. */
export interface StoreDifference {
  /** Objects that no entry of the store names at its place. */
  readonly unlisted: ObjectRef[];
  /** Paths that the manifest does not have. */
  readonly surplus: string[];
  /** The same of stamps, which a merge may leave: they do no harm, and go when the store is staged again. */
  readonly stamps: string[];
}

/** Where to look: a commit or tree, or an index. */
export type StorePlace = { readonly rev: string } | { readonly indexFile: string | undefined };

/** Compares the store of one model. Without a manifest everything there is surplus. */
export async function compareStore(
  repo: Repository,
  place: StorePlace,
  path: string,
  manifest: Manifest | null,
): Promise<StoreDifference> {
  const entries = await storeEntries(repo, place, storeRoot(path));
  const unlisted: ObjectRef[] = [];
  for (const { path: file, oid, size } of manifest ? storeFiles(manifest, path) : []) {
    const pointer = blobOid(repo.objectFormat, printPointer({ oid, size }));
    if (entries.get(file) !== pointer) unlisted.push({ oid, size });
    entries.delete(file);
  }
  const rest = [...entries.keys()];
  const stamps = manifest ? rest.filter((file) => isStampFile(file, path)) : [];
  return { unlisted, surplus: rest.filter((file) => !stamps.includes(file)), stamps };
}

/** Blob by path below a store's root. */
export async function storeEntries(
  repo: Repository,
  place: StorePlace,
  root: string,
): Promise<Map<string, string>> {
  if ('rev' in place) {
    const { stdout } = await repo.git([
      'ls-tree',
      '-r',
      '-z',
      '--full-tree',
      place.rev,
      '--',
      `${root}/`,
    ]);
    return new Map(parseTree(stdout).map(({ path, oid }) => [path, oid]));
  }
  const entries = await lsFiles(repo, [root], { indexFile: place.indexFile });
  return new Map(entries.filter(({ stage }) => stage === 0).map(({ path, oid }) => [path, oid]));
}
