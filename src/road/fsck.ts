/**
 * `git theta fsck`: whether every checkpoint of HEAD and the index can be rebuilt.
 *
 * In: paths, or nothing for all models. Out: findings. Objects that are missing or whose bytes are
 * not what their name says, commits whose store tree disagrees with their manifest, and store
 * files in the work tree with other content are errors; an index that merely lags behind is stale,
 * and so are store files that another version has (as after `git reset --mixed`).
 */
import { createHash } from 'node:crypto';
import { createReadStream, lstatSync } from 'node:fs';
import type { Repository } from '../git/repository';
import { findObject } from '../lfs/store';
import { manifestObjects, type ObjectRef } from '../manifest';
import { verifyObjects, type WorkOptions } from '../native';
import { missingObjects } from '../store/missing';
import { type StoreFile, storeFiles } from '../store/paths';
import { pointerAt } from './fill-store';
import { type Model, modelsInIndex, modelsInTree, selectModels } from './models';
import { orphans } from './restage';
import { compareStore } from './unlisted';

/** What can be wrong. The first four are errors, the last is not. */
export type FindingKind = 'missing' | 'corrupt' | 'commit-store' | 'store-file' | 'stale';

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly path: string;
  /** Where the model is: a commit or the index. */
  readonly place: 'HEAD' | 'index' | 'work tree';
  /** Objects concerned, for `missing` and `corrupt`. */
  readonly objects: readonly ObjectRef[];
  /** A count of store entries or files, for the others. */
  readonly files: number;
}

/** What was looked at and found. */
export interface FsckReport {
  readonly models: number;
  readonly objects: number;
  readonly findings: readonly Finding[];
  /** False when there is an error among the findings. */
  readonly ok: boolean;
}

interface Placed {
  readonly place: 'HEAD' | 'index';
  readonly model: Model;
}

/** Looks, and changes nothing. */
export async function fsck(
  repo: Repository,
  paths: readonly string[],
  options: WorkOptions = {},
): Promise<FsckReport> {
  const wanted =
    paths.length > 0 ? new Set(await selectModels(repo, paths, { worktree: false })) : null;
  const placed: Placed[] = [];
  for (const model of await modelsInTree(repo, 'HEAD')) placed.push({ place: 'HEAD', model });
  if (!repo.isBare) {
    for (const model of await modelsInIndex(repo, null)) placed.push({ place: 'index', model });
  }
  const checked = placed.filter(
    ({ model }) => model.manifest && (!wanted || wanted.has(model.path)),
  );
  const objects = new Map<string, ObjectRef>();
  for (const { model } of checked) {
    for (const ref of manifestObjects(model.manifest as NonNullable<Model['manifest']>)) {
      objects.set(ref.oid, ref);
    }
  }
  const { missing, corrupt } = await verifyObjects(
    [...objects.values()].map(({ oid, size }) => `${oid}:${size}`),
    repo.stores(),
    options,
  );
  const findings = [
    ...objectFindings(checked, 'missing', missing),
    ...objectFindings(checked, 'corrupt', corrupt),
    ...(await storeFindings(repo, checked)),
  ];
  if (!repo.isBare && !wanted) {
    for (const path of await orphans(repo, undefined)) {
      findings.push({ kind: 'stale', path, place: 'index', objects: [], files: 1 });
    }
  }
  const ok = findings.every(({ kind }) => kind === 'stale');
  const models = new Set(checked.map(({ model }) => model.path)).size;
  return { models, objects: objects.size, findings, ok };
}

/** Objects of each model among those that the core has named; a model's index hides its HEAD. */
function objectFindings(
  placed: readonly Placed[],
  kind: 'missing' | 'corrupt',
  named: readonly string[],
): Finding[] {
  const bad = new Set(named.map((object) => object.slice(0, 64)));
  const findings = new Map<string, Finding>();
  if (bad.size === 0) return [];
  for (const { place, model } of placed) {
    if (!model.manifest) continue;
    const objects = manifestObjects(model.manifest).filter(({ oid }) => bad.has(oid));
    if (objects.length === 0) continue;
    const key = `${model.path}\n${objects.map(({ oid }) => oid).join()}`;
    findings.set(key, { kind, path: model.path, place, objects, files: 0 });
  }
  return [...findings.values()];
}

async function storeFindings(repo: Repository, placed: readonly Placed[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { place, model } of placed) {
    const where = place === 'HEAD' ? { rev: 'HEAD' } : { indexFile: undefined };
    const { unlisted, surplus } = await compareStore(repo, where, model.path, model.manifest);
    const files = unlisted.length + surplus.length;
    const kind = place === 'HEAD' ? 'commit-store' : 'stale';
    if (files > 0) findings.push({ kind, path: model.path, place, objects: [], files });
    // Files of a store that lags behind are of the version before.
    if (place !== 'index' || files > 0) continue;
    const { damaged, outdated } = await otherFiles(repo, model);
    const add = (kind: FindingKind, { length }: StoreFile[]) => {
      const { path } = model;
      if (length > 0) findings.push({ kind, path, place: 'work tree', objects: [], files: length });
    };
    add('store-file', damaged);
    add('stale', outdated);
  }
  return findings;
}

/** Store files in the work tree whose content is not their object's. */
export interface OtherFiles {
  /** No object at all. */
  readonly damaged: StoreFile[];
  /** Another object of ours: the file of another version. */
  readonly outdated: StoreFile[];
}

/**
 * Compares store files in the work tree with their objects. A file that is one inode with its
 * object has been checked with it; one that is absent, or that Git LFS has left as a pointer, is
 * their business.
 */
export async function otherFiles(repo: Repository, model: Model): Promise<OtherFiles> {
  const { manifest } = model;
  const found: OtherFiles = { damaged: [], outdated: [] };
  if (!manifest || missingObjects(repo, manifest).length > 0) return found;
  for (const file of storeFiles(manifest, model.path)) {
    const path = repo.absolute(file.path);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats || pointerAt(repo, file.path)?.oid === file.oid) continue;
    const object = findObject(repo.stores(), file);
    if (object && stats.ino === lstatSync(object).ino) continue;
    const oid = stats.isFile() ? await sha256(path) : '';
    if (oid === file.oid) continue;
    const known = oid !== '' && findObject(repo.stores(), { oid, size: stats.size }) !== null;
    (known ? found.outdated : found.damaged).push(file);
  }
  return found;
}

/** SHA-256 of a file, in hexadecimal digits. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
