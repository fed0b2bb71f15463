/**
 * `git theta checkout`: writes the checkpoints whose manifests were left in the work tree.
 *
 * In: paths, or nothing for all models. Out: their checkpoints, each under its name only when it
 * is complete, in bounded memory; the index is clean without a file having been read again. Store
 * files that Git LFS left as pointers become the tensors, too.
 *
 * Left alone: files that are a checkpoint already, and text that differs from the index. Refused:
 * missing objects that no remote has.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ThetaError } from '../errors';
import { durable } from '../filter/durable';
import { fetchMissing } from '../filter/smudge';
import { updateIndex } from '../git/index';
import type { Repository } from '../git/repository';
import { toRecords } from '../manifest';
import { type ComposeOptions, compose, type WorkOptions } from '../native';
import { missingObjects } from '../store/missing';
import { dropUnfinished } from './abandoned';
import { manifestText } from './add';
import { fillStores } from './fill-store';
import { markClean } from './mark-clean';
import { knownFiles, type Model, modelsInIndex, selectModels } from './models';
import { requireSetUp } from './set-up';

/** What happened to one model. */
export interface CheckedOut {
  readonly path: string;
  /** `kept`: the work tree has something else than the index's manifest. */
  readonly action: 'written' | 'kept';
  readonly bytes: number;
}

/** Options of `checkout`. */
export interface CheckoutOptions extends WorkOptions {
  /** Writes files that are missing from the work tree, too. */
  readonly missing?: boolean;
  /** Called before the work on each model. */
  readonly onModel?: (path: string) => void;
  readonly indexFile?: string | undefined;
}

/** The models of these paths whose work-tree file is the text of the index's manifest. */
export async function leftAsManifest(
  repo: Repository,
  paths: readonly string[] | null,
  options: { missing?: boolean; indexFile?: string | undefined } = {},
): Promise<{ left: Model[]; kept: Model[] }> {
  const left: Model[] = [];
  const kept: Model[] = [];
  for (const model of await modelsInIndex(repo, paths, options.indexFile)) {
    const stats = lstatSync(repo.absolute(model.path), { throwIfNoEntry: false });
    const pending = stats
      ? stats.isFile() &&
        stats.size === Buffer.byteLength(model.text) &&
        (await isText(repo, model))
      : options.missing === true;
    (pending && model.manifest ? left : kept).push(model);
  }
  return { left, kept };
}

async function isText(repo: Repository, model: Model): Promise<boolean> {
  const text = await manifestText(repo.absolute(model.path));
  return text?.equals(Buffer.from(model.text)) ?? false;
}

/** Writes checkpoints; one entry per model that the paths select. */
export async function checkout(
  repo: Repository,
  paths: readonly string[],
  options: CheckoutOptions = {},
): Promise<CheckedOut[]> {
  await requireSetUp(repo);
  const { indexFile } = options;
  const selected =
    paths.length === 0 ? null : await selectModels(repo, paths, { worktree: false, indexFile });
  const { left, kept } = await leftAsManifest(repo, selected, {
    missing: options.missing ?? paths.length > 0,
    indexFile,
  });
  const report: CheckedOut[] = kept.map(({ path }) => ({ path, action: 'kept', bytes: 0 }));
  report.push(...(await write(repo, left, options)));
  await fillStores(repo, { indexFile, models: knownFiles([...left, ...kept]) });
  return report.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/** Writes these models' checkpoints and makes the index clean. */
export async function write(
  repo: Repository,
  models: readonly Model[],
  options: CheckoutOptions = {},
): Promise<CheckedOut[]> {
  const needed = models.flatMap(({ manifest }) => (manifest ? missingObjects(repo, manifest) : []));
  await fetchMissing(repo, needed);
  const report: CheckedOut[] = [];
  const sync = await durable(repo);
  for (const { path, oid, manifest, text, mode } of models) {
    if (!manifest)
      throw new ThetaError('ERR_THETA_BAD_MANIFEST', `'${path}' has no manifest`, { path });
    options.onModel?.(path);
    const { missing, onModel, indexFile, ...work } = options;
    const output = repo.absolute(path);
    mkdirSync(dirname(output), { recursive: true });
    dropUnfinished(repo, path);
    const finish = async (file: string) => {
      if (mode === '100755') chmodSync(file, 0o755);
      // A file as new as the index is read again by every `git status`.
      const past = Date.now() / 1000 - 3;
      utimesSync(file, past, past);
      // git takes a file of another size than the index recorded for modified, unread. Without
      // stat data it looks: so nothing is wrong if we are ended before `markClean`.
      await updateIndex(repo, [{ path, oid, mode }], { indexFile });
    };
    const whole = { ...work, stores: repo.stores(), sync };
    const bytes = await writeCheckpoint(repo, toRecords(manifest), output, whole, finish);
    await markClean(repo, [{ path, manifest: text }], { indexFile });
    report.push({ path, action: 'written', bytes });
  }
  return report;
}

/**
 * Puts a checkpoint together in our own folder and moves it to its place: what a killed process
 * leaves is not a file in the work tree. Where that is another file system, beside its place.
 */
async function writeCheckpoint(
  repo: Repository,
  records: string,
  output: string,
  options: Omit<ComposeOptions, 'output'>,
  finish: (file: string) => Promise<void>,
): Promise<number> {
  if (statSync(repo.temp()).dev !== statSync(dirname(output)).dev) {
    const { bytes } = await compose(records, { ...options, output });
    await finish(output);
    return bytes;
  }
  const folder = mkdtempSync(join(repo.temp(), 'checkout-'));
  try {
    const file = join(folder, 'content');
    const { bytes } = await compose(records, { ...options, output: file });
    const old = lstatSync(output, { throwIfNoEntry: false });
    if (old?.isFile()) chmodSync(file, old.mode & 0o777);
    await finish(file);
    renameSync(file, output);
    return bytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
