/**
 * `git theta add`: the main road from a checkpoint in the work tree to the index.
 *
 * In: paths, folders or globs. Out: the tensors are LFS objects, the index has the manifest, the
 * store tree and the attribute files, the work tree has the store's files, and `git status` has
 * nothing left to read. The checkpoint is read once, straight from the file, on all cores; no
 * filter runs. A tracked file that is gone is staged as a deletion with its store.
 *
 * Refused: paths that are not tracked, symbolic links, files that change while they are read, and
 * text that starts like a manifest but is none.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ThetaError } from '../errors';
import { changed, regular, unchanged } from '../filter/clean';
import { durable } from '../filter/durable';
import { callersIndex, manifestIn, previousRecords } from '../filter/previous';
import { lsFiles, updateIndex } from '../git/index';
import { catFile, hashObjects } from '../git/objects';
import type { Repository } from '../git/repository';
import {
  compareManifests,
  fromRecords,
  looksLikeManifest,
  type Manifest,
  parseManifest,
  printManifest,
} from '../manifest';
import { decompose, type WorkOptions } from '../native';
import { missingObjects } from '../store/missing';
import { stageStore } from '../store/stage';
import { markClean } from './mark-clean';
import { selectModels } from './models';
import { stageAttributes } from './stage-attributes';

/** What happened to one model. */
export interface AddedModel {
  readonly path: string;
  readonly action: 'added' | 'modified' | 'deleted' | 'unchanged';
  /** Tensors of the checkpoint; how they differ from what the index had. */
  readonly tensors: number;
  readonly changed: number;
  readonly added: number;
  readonly removed: number;
  /** Objects that were new to the store, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
}

/** Options of `add`. */
export interface AddOptions extends WorkOptions {
  /** Reads the files and says what would be staged; index, store and work tree stay as they are. */
  readonly dryRun?: boolean;
  /** Called before the work on each model. */
  readonly onModel?: (path: string) => void;
}

/** Stages checkpoints; one entry per model that the paths select. */
export async function add(
  repo: Repository,
  paths: readonly string[],
  options: AddOptions = {},
): Promise<AddedModel[]> {
  const indexFile = callersIndex(repo);
  const models = await selectModels(repo, paths, { worktree: true, indexFile });
  const report: AddedModel[] = [];
  for (const path of models) {
    options.onModel?.(path);
    const stats = await lstat(repo.absolute(path)).catch(() => null);
    if (!stats) report.push(await addDeletion(repo, path, indexFile, options));
    else if (stats.isFile()) report.push(await addFile(repo, path, indexFile, options));
    else if (paths.some((given) => repo.relative(given) === path)) throw special(path);
  }
  if (!options.dryRun && models.length > 0) await stageAttributes(repo, models, indexFile);
  return report;
}

function special(path: string): ThetaError {
  return new ThetaError('ERR_THETA_INVALID', `'${path}' is not a regular file`, {
    path,
    hint: 'git stores a symbolic link as such: stage it with `git add`.',
  });
}

async function addDeletion(
  repo: Repository,
  path: string,
  indexFile: string | undefined,
  options: AddOptions,
): Promise<AddedModel> {
  if (!options.dryRun) {
    await updateIndex(repo, [{ path, oid: null }], { indexFile });
    await stageStore(repo, path, null, { indexFile, workTree: true });
  }
  return {
    path,
    action: 'deleted',
    tensors: 0,
    changed: 0,
    added: 0,
    removed: 0,
    objects: 0,
    bytes: 0,
  };
}

async function addFile(
  repo: Repository,
  path: string,
  indexFile: string | undefined,
  options: AddOptions,
): Promise<AddedModel> {
  const file = repo.absolute(path);
  const before = regular(file);
  const read = await readModel(repo, path, indexFile, options);
  const after = regular(file);
  if (!before || !after || !unchanged(before, after)) throw changed(path);

  const text = printManifest(read.manifest);
  const entry = (await lsFiles(repo, [path], { indexFile })).find((found) => found.stage === 0);
  const staged = entry ? await catFile(repo, entry.oid) : null;
  const same = staged?.equals(Buffer.from(text)) ?? false;
  const action = !entry ? 'added' : same ? 'unchanged' : 'modified';
  const report: AddedModel = {
    path,
    action,
    tensors: read.manifest.tensors.length,
    ...differences(manifestIn(staged), read.manifest),
    objects: read.written,
    bytes: read.bytesWritten,
  };
  if (options.dryRun) return report;

  options.signal?.throwIfAborted();
  const enter = async () => {
    const [oid] = await hashObjects(repo, [Buffer.from(text)]);
    const mode = entry?.mode ?? '100644';
    await updateIndex(repo, [{ path, oid: oid as string, mode }], { indexFile });
  };
  // An entry made by name has no stat data: git cannot take the file for the one it knew.
  if (!same) await enter();
  await markClean(repo, [{ path, manifest: text }], { indexFile });
  if (!unchanged(before, regular(file))) {
    await enter();
    throw changed(path);
  }
  const present = missingObjects(repo, read.manifest).length === 0;
  const models = [{ path, manifest: text }];
  await stageStore(repo, path, read.manifest, { indexFile, workTree: present, models });
  return report;
}

/** How the tensors of two versions differ, in numbers. */
function differences(before: Manifest | null, after: Manifest) {
  if (!before) return { changed: 0, added: after.tensors.length, removed: 0 };
  const { added, removed, changed: other } = compareManifests(before, after);
  return { changed: other.length, added: added.length, removed: removed.length };
}

interface ReadModel {
  readonly manifest: Manifest;
  readonly written: number;
  readonly bytesWritten: number;
}

/** The manifest of the file: its own text when the checkpoint was left as one, else decomposed. */
async function readModel(
  repo: Repository,
  path: string,
  indexFile: string | undefined,
  options: AddOptions,
): Promise<ReadModel> {
  const text = await manifestText(repo.absolute(path));
  if (text) return { manifest: parseManifest(text), written: 0, bytesWritten: 0 };
  const scratch = options.dryRun ? mkdtempSync(join(repo.temp(), 'dry-')) : null;
  try {
    const { dryRun, onModel, ...work } = options;
    const { records, written, bytesWritten } = await decompose(repo.absolute(path), {
      ...work,
      store: scratch ?? repo.objectsDir,
      temp: scratch ? repo.temp() : repo.objectTemp(),
      sync: await durable(repo),
      previous: await previousRecords(repo, path, indexFile),
    });
    return { manifest: fromRecords(records), written, bytesWritten };
  } finally {
    if (scratch) rmSync(scratch, { recursive: true, force: true });
  }
}

/** The file's content when it starts like a manifest and is small enough to be one. */
export async function manifestText(file: string): Promise<Buffer | null> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size > 64 * 1024 * 1024) return null;
    const start = Buffer.alloc(Math.min(size, 64));
    await handle.read(start, 0, start.length, 0);
    return looksLikeManifest(start) ? await handle.readFile() : null;
  } finally {
    await handle.close();
  }
}
