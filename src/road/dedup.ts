/**
 * `git theta dedup`: store files in the work tree share their blocks with the LFS objects.
 *
 * In: nothing, or two revisions (only what changed between them). Out: models whose store files
 * were copies have links again, as `theta.storeLink` says, and git's stat data is right. Linking
 * changes an inode's ctime, which makes git look at a file once: so only files that are copies are
 * touched, and the index is refreshed with answers that we know.
 */
import { lstatSync, rmSync } from 'node:fs';
import type { Repository } from '../git/repository';
import { hasObject, objectPath } from '../lfs/store';
import { missingObjects } from '../store/missing';
import { type StoreFile, storeFiles } from '../store/paths';
import { stageStore } from '../store/stage';
import { knownFiles, type Model, modelsInIndex } from './models';
import { compareStore } from './unlisted';

/** What was done to a model's store. */
export interface Deduplicated {
  readonly path: string;
  readonly linked: number;
  /** Bytes of the files that share their blocks now. */
  readonly bytes: number;
}

/** Links the store files of all models in the index; with `dryRun` says which it would. */
export async function dedup(
  repo: Repository,
  options: { dryRun?: boolean; models?: readonly Model[]; only?: ReadonlySet<string> } = {},
): Promise<Deduplicated[]> {
  if ((await repo.config('theta.storeLink')) === 'copy') return [];
  const report: Deduplicated[] = [];
  const all = options.models ?? (await modelsInIndex(repo, null));
  const models = knownFiles(all);
  for (const model of all) {
    const { path, manifest } = model;
    if (!manifest || missingObjects(repo, manifest).length > 0) continue;
    const copies = findCopies(repo, model, options.only);
    if (copies.length === 0) continue;
    const { unlisted, surplus } = await compareStore(
      repo,
      { indexFile: undefined },
      path,
      manifest,
    );
    if (unlisted.length > 0 || surplus.length > 0) continue;
    if (!options.dryRun) {
      for (const { path: file } of copies) rmSync(repo.absolute(file));
      await stageStore(repo, path, manifest, { workTree: true, keepStamps: true, models });
    }
    const bytes = copies.reduce((sum, { size }) => sum + size, 0);
    report.push({ path, linked: copies.length, bytes });
  }
  return report;
}

/**
 * Store files that are inodes of their own, of objects that no other model's file is linked to.
 * A reflink looks like one: to make it anew costs little.
 */
function findCopies(
  repo: Repository,
  { path, manifest }: Model,
  only?: ReadonlySet<string>,
): StoreFile[] {
  const [objects = '', pins = ''] = repo.stores();
  return storeFiles(manifest as NonNullable<typeof manifest>, path).filter((file) => {
    if (only && !only.has(file.path)) return false;
    const stats = lstatSync(repo.absolute(file.path), { throwIfNoEntry: false });
    const object = lstatSync(objectPath(objects, file.oid), { throwIfNoEntry: false });
    if (!stats?.isFile() || stats.size !== file.size || !object || stats.ino === object.ino)
      return false;
    return object.nlink === (hasObject(pins, file) ? 2 : 1);
  });
}

/** Relinks after a checkout, of the index's models those whose stores differ between two revisions, or all. */
export async function relink(
  repo: Repository,
  range: { before: string; after: string } | null,
  models: readonly Model[],
): Promise<void> {
  if ((await repo.config('theta.relink', 'bool')) === 'false') return;
  if (!range) {
    await dedup(repo, { models });
    return;
  }
  const { code, stdout } = await repo.git(
    ['diff-tree', '-r', '-z', '--name-only', '--no-renames', range.before, range.after],
    { check: false },
  );
  if (code !== 0) return;
  const changed = new Set(stdout.split('\0'));
  await dedup(repo, { models: models.filter(({ path }) => changed.has(path)), only: changed });
}
