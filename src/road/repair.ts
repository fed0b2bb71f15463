/**
 * `git theta fsck --repair`: brings back what fsck found.
 *
 * In: the findings. Out: corrupt objects are gone, and objects are restored from where they still
 * are, the nearest first: pins, store files in the work tree, the checkpoint itself, the remote.
 * Then the index's stores and their files are brought into agreement with the manifests. A commit
 * cannot be changed: its store is right in the next one.
 */
import { lstatSync, rmSync } from 'node:fs';
import { isThetaError } from '../errors';
import type { Repository } from '../git/repository';
import { hasObject, objectPath, placeObject } from '../lfs/store';
import { fetchObjects } from '../lfs/transfer';
import { manifestObjects, type ObjectRef } from '../manifest';
import { decompose, verifyObjects, type WorkOptions } from '../native';
import { missingObjects } from '../store/missing';
import { storeFiles } from '../store/paths';
import { unpack } from '../store/pins';
import { stageStore } from '../store/stage';
import { type FsckReport, fsck, otherFiles, sha256 } from './fsck';
import { type Model, modelsInIndex, modelsInTree } from './models';
import { restage } from './restage';

/** Repairs, and looks again. */
export async function repair(
  repo: Repository,
  paths: readonly string[],
  found: FsckReport,
  options: WorkOptions = {},
): Promise<FsckReport> {
  await dropCorrupt(repo, found);
  const models = [...(await modelsInTree(repo, 'HEAD'))];
  if (!repo.isBare) models.push(...(await modelsInIndex(repo, null)));
  const objects = models.flatMap(({ manifest }) => (manifest ? manifestObjects(manifest) : []));
  unpack(repo, objects);
  const wanted = () =>
    new Map(objects.filter((ref) => !hasObject(repo.objectsDir, ref)).map((ref) => [ref.oid, ref]));
  if (!repo.isBare) await fromWorkTree(repo, models, wanted(), options);
  await fromRemote(repo, [...wanted().values()], options);
  if (!repo.isBare) {
    for (const model of await modelsInIndex(repo, null)) {
      if (!model.manifest || missingObjects(repo, model.manifest).length > 0) continue;
      const { damaged, outdated } = await otherFiles(repo, model);
      for (const { path } of [...damaged, ...outdated]) rmSync(repo.absolute(path));
      // Also puts files into the work tree that were lost there.
      await stageStore(repo, model.path, model.manifest, { workTree: true });
    }
    await restage(repo, undefined);
  }
  return fsck(repo, paths, options);
}

/** Removes corrupt objects from whichever store has them, and the store files that are links. */
async function dropCorrupt(repo: Repository, found: FsckReport): Promise<void> {
  const refs = found.findings
    .filter(({ kind }) => kind === 'corrupt')
    .flatMap(({ objects }) => objects);
  const inodes = new Set<number>();
  for (const store of repo.stores()) {
    const { corrupt } = await verifyObjects(
      refs.map(({ oid, size }) => `${oid}:${size}`),
      [store],
    );
    for (const object of corrupt) {
      const path = objectPath(store, object.slice(0, 64));
      inodes.add(lstatSync(path).ino);
      rmSync(path, { force: true });
    }
  }
  if (inodes.size === 0 || repo.isBare) return;
  for (const { path, manifest } of await modelsInIndex(repo, null)) {
    for (const file of manifest ? storeFiles(manifest, path) : []) {
      const stats = lstatSync(repo.absolute(file.path), { throwIfNoEntry: false });
      if (stats && inodes.has(stats.ino)) rmSync(repo.absolute(file.path));
    }
  }
}

/** Brings back what these models lack from where it still is on this machine. */
export async function recover(repo: Repository, models: readonly Model[]): Promise<void> {
  const objects = models.flatMap(({ manifest }) => (manifest ? manifestObjects(manifest) : []));
  unpack(repo, objects);
  const absent = objects.filter((ref) => !hasObject(repo.objectsDir, ref));
  await fromWorkTree(repo, models, new Map(absent.map((ref) => [ref.oid, ref])), {});
}

/** Takes objects from store files with the right content, then from the checkpoints. */
async function fromWorkTree(
  repo: Repository,
  models: readonly Model[],
  wanted: Map<string, ObjectRef>,
  options: WorkOptions,
): Promise<void> {
  if (wanted.size === 0) return;
  for (const { path, manifest } of models) {
    for (const file of manifest ? storeFiles(manifest, path) : []) {
      if (!wanted.has(file.oid)) continue;
      const source = repo.absolute(file.path);
      const stats = lstatSync(source, { throwIfNoEntry: false });
      if (!stats?.isFile() || stats.size !== file.size || (await sha256(source)) !== file.oid)
        continue;
      const target = objectPath(repo.objectsDir, file.oid);
      placeObject(source, target, repo.objectTemp(), { link: false });
      wanted.delete(file.oid);
    }
  }
  for (const { path, manifest } of models) {
    if (!manifest || missingObjects(repo, manifest).length === 0) continue;
    const source = repo.absolute(path);
    if (!lstatSync(source, { throwIfNoEntry: false })?.isFile()) continue;
    // Whatever the file holds now: equal tensors make equal objects.
    const { objectsDir: store } = repo;
    await decompose(source, { ...options, store, temp: repo.objectTemp(), previous: [] });
  }
}

/** What the remote does not have stays missing: the second look says so. */
async function fromRemote(
  repo: Repository,
  refs: ObjectRef[],
  options: WorkOptions,
): Promise<void> {
  if (refs.length === 0) return;
  try {
    await fetchObjects(repo, refs, options.signal ? { signal: options.signal } : {});
  } catch (error) {
    if (!isThetaError(error) || error.code === 'ERR_THETA_CANCELLED') throw error;
  }
}
