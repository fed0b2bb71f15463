/**
 * Stages a model's store: makes the index, and the work tree if wanted, agree with a manifest.
 *
 * In: a manifest, or null for a model that is gone. Out: below `.git_theta/<model>/` the index has exactly the manifest's
 * files, as Git LFS pointers, and the work tree has their bytes, in an index that knows so. No filter of Git LFS runs.
 * Refused: with a work tree, a manifest whose objects are not all here.
 */
import { ThetaError } from '../errors';
import { type IndexEntry, type IndexUpdate, lsFiles, updateIndex } from '../git/index';
import { hashObjects } from '../git/objects';
import { blobOid } from '../git/pack';
import type { Repository } from '../git/repository';
import { printPointer } from '../lfs/pointer';
import { findObject } from '../lfs/store';
import type { Manifest, ObjectRef } from '../manifest/types';
import type { KnownFile } from './known-files';
import { isStampFile, type StoreFile, storeFiles, storeRoot } from './paths';
import { refreshIndex } from './refresh';
import { parseLinkMode, WorkTreeFiles } from './work-tree';

export interface StageOptions {
  indexFile?: string | undefined;
  /** Also put the files into the work tree. */
  workTree: boolean;
  /** The script that answers git during the refresh; for tests. */
  answer?: string | undefined;
  /** Leave stamps that the manifest does not have, for who has no version to stage: a merge may have left them. */
  keepStamps?: boolean;
  /** Checkpoints in the index with their manifests there, which git need not read again. */
  models?: readonly KnownFile[] | undefined;
}

export interface StageResult {
  /** Index entries. */
  added: number;
  replaced: number;
  removed: number;
  unchanged: number;
  /** Work-tree files that share their bytes with an object. */
  linked: number;
  /** Work-tree files that do not. */
  copied: number;
}

interface Plan {
  /** The index below the store's root, as it was. */
  entries: IndexEntry[];
  updates: IndexUpdate[];
  pointers: Buffer[];
  /** Files whose entry changes. */
  changed: StoreFile[];
  /** Files whose entry stays. */
  kept: StoreFile[];
  removed: string[];
  added: number;
}

function makePlan(repo: Repository, files: StoreFile[], entries: IndexEntry[]): Plan {
  const plan: Plan = {
    entries,
    updates: [],
    pointers: [],
    changed: [],
    kept: [],
    removed: [],
    added: 0,
  };
  const before = new Map<string, IndexEntry>();
  const conflicts = new Set<string>();
  for (const entry of entries) {
    before.set(entry.path, entry);
    if (entry.stage > 0) conflicts.add(entry.path);
  }
  for (const file of files) {
    const pointer = Buffer.from(printPointer(file));
    const oid = blobOid(repo.objectFormat, pointer);
    const entry = before.get(file.path);
    before.delete(file.path);
    if (entry?.oid === oid && entry.mode === '100644' && !conflicts.has(file.path)) {
      plan.kept.push(file);
      continue;
    }
    if (!entry) plan.added++;
    plan.changed.push(file);
    plan.pointers.push(pointer);
    plan.updates.push({ path: file.path, oid });
  }
  plan.removed = [...before.keys()];
  for (const path of plan.removed) plan.updates.push({ path, oid: null });
  return plan;
}

async function fillWorkTree(repo: Repository, plan: Plan): Promise<[WorkTreeFiles, StoreFile[]]> {
  const mode = parseLinkMode(await repo.config('theta.storeLink'));
  const stores = repo.stores();
  const files = new WorkTreeFiles(repo.workTree, mode, stores[1] ?? '');
  const absent = plan.kept.filter(({ path, size }) => !files.isThere(path, size));
  const wanted = [...plan.changed, ...absent];
  const sources = wanted.map((file) => {
    const source = findObject(stores, file);
    if (source !== null) return source;
    throw new ThetaError('ERR_THETA_MISSING_OBJECT', `object ${file.oid} is not here`, {
      path: file.path,
      hint: 'fetch it with git theta fetch',
    });
  });
  for (const path of plan.removed) files.remove(path);
  // Setting an entry anew forgets what it knew about the file: git never compares a file whose recorded size is wrong.
  const oids = new Map(plan.entries.map(({ path, oid }) => [path, oid]));
  for (const { path } of absent) plan.updates.push({ path, oid: oids.get(path) ?? null });
  for (const [at, file] of wanted.entries()) await files.put(file.path, sources[at] ?? '');
  return [files, wanted];
}

/**
 * Makes the store of a model what its manifest says.
 *
 * @throws ThetaError `ERR_THETA_MISSING_OBJECT` before anything is changed, when the work tree is wanted and an object is
 *   in no store; `ERR_THETA_CONFLICT` for a symbolic link where the store should be.
 */
export async function stageStore(
  repo: Repository,
  modelPath: string,
  manifest: Manifest | null,
  o: StageOptions,
): Promise<StageResult> {
  const { indexFile } = o;
  const files = manifest ? storeFiles(manifest, modelPath) : [];
  const listed = await lsFiles(repo, [`${storeRoot(modelPath)}/`], { indexFile });
  const named = new Set(o.keepStamps ? files.map(({ path }) => path) : []);
  const entries = o.keepStamps
    ? listed.filter(({ path }) => named.has(path) || !isStampFile(path, modelPath))
    : listed;
  const plan = makePlan(repo, files, entries);
  const result: StageResult = {
    added: plan.added,
    replaced: plan.changed.length - plan.added,
    removed: plan.removed.length,
    unchanged: plan.kept.length,
    linked: 0,
    copied: 0,
  };
  let placed: StoreFile[] = [];
  if (o.workTree) {
    const [workTree, wanted] = await fillWorkTree(repo, plan);
    result.linked = workTree.linked;
    result.copied = workTree.copied;
    placed = wanted;
  }
  await hashObjects(repo, plan.pointers);
  await updateIndex(repo, plan.updates, { indexFile });
  if (placed.length > 0) {
    const known = new Map<string, ObjectRef>(placed.map((file) => [file.path, file]));
    const { answer, models } = o;
    await refreshIndex(repo, known, { indexFile, answer, models });
  }
  return result;
}
