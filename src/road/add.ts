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
import { lstat, open } from 'node:fs/promises';
import { isThetaError, ThetaError } from '../errors';
import { atRest, changed, regular, unchanged } from '../filter/at-rest';
import { pinNew } from '../filter/clean';
import { destination } from '../filter/destination';
import { durable } from '../filter/durable';
import { callersIndex, manifestIn, previousRecords } from '../filter/previous';
import { lsFiles, updateIndex } from '../git/index';
import { catFile, hashObjects } from '../git/objects';
import type { Repository } from '../git/repository';
import { looksLikePointer } from '../lfs/pointer';
import {
  compareManifests,
  fromRecords,
  looksLikeManifest,
  MAX_MANIFEST,
  type Manifest,
  parseManifest,
  printManifest,
} from '../manifest';
import { decompose, type WorkOptions } from '../native';
import { missingObjects } from '../store/missing';
import { stageStore } from '../store/stage';
import { markClean } from './mark-clean';
import { quoted, selectModels } from './models';
import { requireSetUp } from './set-up';
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
  await requireSetUp(repo);
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
  const before = await atRest(file);
  const read = await readModel(repo, path, indexFile, options);
  const after = regular(file);
  if (!before || !after || !unchanged(before, after)) throw changed(path);

  const { manifest } = read;
  const text = manifest ? printManifest(manifest) : read.text;
  const entry = (await lsFiles(repo, [path], { indexFile })).find((found) => found.stage === 0);
  const staged = entry ? await catFile(repo, entry.oid) : null;
  const same = staged?.equals(Buffer.from(text)) ?? false;
  const action = !entry ? 'added' : same ? 'unchanged' : 'modified';
  const report: AddedModel = {
    path,
    action,
    tensors: manifest?.tensors.length ?? 0,
    ...differences(manifestIn(staged), manifest),
    objects: read.written,
    bytes: read.bytesWritten,
  };
  if (options.dryRun) return report;

  options.signal?.throwIfAborted();
  // Before the store's files are linked: one link more makes git look at a file again. Where a pin
  // would be a copy, the files in the work tree have to do.
  if (manifest) await pinNew(repo, path, manifest, { copy: false });
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
  const present = !manifest || missingObjects(repo, manifest).length === 0;
  const models = [{ path, manifest: text }];
  await stageStore(repo, path, manifest, { indexFile, workTree: present, models });
  return report;
}

/** How the tensors of two versions differ, in numbers. */
function differences(before: Manifest | null, after: Manifest | null) {
  if (!before || !after) {
    const [added, removed] = [after?.tensors.length ?? 0, before?.tensors.length ?? 0];
    return { changed: 0, added, removed };
  }
  const { added, removed, changed: other } = compareManifests(before, after);
  return { changed: other.length, added: added.length, removed: removed.length };
}

interface ReadModel {
  /** Null for a Git LFS pointer, which is stored as it is. */
  readonly manifest: Manifest | null;
  /** The file itself where it is stored as it is. */
  readonly text: string;
  readonly written: number;
  readonly bytesWritten: number;
}

/** What git stores for the file: its own text when it was left as one, else what it consists of. */
async function readModel(
  repo: Repository,
  path: string,
  indexFile: string | undefined,
  options: AddOptions,
): Promise<ReadModel> {
  const text = await manifestText(repo.absolute(path));
  if (text) {
    const manifest = looksLikePointer(text) ? null : manifestOf(text, path);
    return { manifest, text: text.toString(), written: 0, bytesWritten: 0 };
  }
  const { store, temp, discard } = destination(repo, !options.dryRun);
  try {
    const { dryRun, onModel, ...work } = options;
    const { records, written, bytesWritten } = await decompose(repo.absolute(path), {
      ...work,
      store,
      temp,
      sync: await durable(repo),
      previous: await previousRecords(repo, path, indexFile),
    });
    return { manifest: fromRecords(records), text: '', written, bytesWritten };
  } finally {
    discard();
  }
}

/** The manifest that was left in the work tree. Refused: one that was changed by hand. */
function manifestOf(text: Buffer, path: string): Manifest {
  try {
    return parseManifest(text);
  } catch (error) {
    if (!isThetaError(error, 'ERR_THETA_BAD_MANIFEST')) throw error;
    const { code, message, line, rule } = error;
    throw new ThetaError(code, `'${path}': ${message}`, {
      path,
      line,
      rule,
      hint: `Get the manifest back with \`git checkout -- ${quoted(path)}\`.`,
      cause: error,
    });
  }
}

/** The file's content when it looks like a manifest, or like a Git LFS pointer. */
export async function manifestText(file: string): Promise<Buffer | null> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size > MAX_MANIFEST) return null;
    const start = Buffer.alloc(Math.min(size, 1025));
    await handle.read(start, 0, start.length, 0);
    if (looksLikePointer(start)) return start;
    return looksLikeManifest(start) ? await handle.readFile() : null;
  } finally {
    await handle.close();
  }
}
