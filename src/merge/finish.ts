/**
 * `git theta merge --continue` and `--abort`.
 *
 * In: a repository in which git has stopped, with models that are resolved: by `git add`, or because their tensors merge
 * by themselves. Out: stores that are what the models say, and git's operation continued. Refused, with nothing changed:
 * models that are still in conflict.
 */
import { readFileSync, rmSync } from 'node:fs';
import { ThetaError } from '../errors';
import { writeFile } from '../failure';
import { updateIndex } from '../git/index';
import type { Repository } from '../git/repository';
import { write } from '../road/checkout';
import { modelsInIndex } from '../road/models';
import { restage } from '../road/restage';
import { ensureStoreAttributes } from '../store/attributes';
import { modelOf } from '../store/paths';
import { conflictLines, oneLine } from './message';
import { forgetResults } from './results';
import type { Mergeable, MergeState, ModelState } from './status';
import { repairStore, storeAgrees } from './store-repair';
import { readUnmerged } from './unmerged';

/** Models that only a person can resolve. */
export function openConflicts(state: MergeState): readonly ModelState[] {
  return state.models.filter((model) => model.state === 'conflict' || model.state === 'edited');
}

/** @throws ThetaError `ERR_THETA_CONFLICT` while a model is in conflict. */
export function refuseConflicts(state: MergeState): void {
  const open = openConflicts(state);
  const [first] = open;
  if (!first) return;
  const lines = open.flatMap(({ path, state: kind, conflicts }) =>
    kind === 'edited'
      ? [`${oneLine(path)}: the file in the work tree is not what was merged`]
      : [`${oneLine(path)}:`, ...conflictLines(conflicts).map((line) => `  ${line}`)],
  );
  const many = open.length === 1 ? 'one checkpoint is' : `${open.length} checkpoints are`;
  throw new ThetaError('ERR_THETA_CONFLICT', [`${many} still in conflict`, ...lines].join('\n'), {
    path: first.path,
    hint: "Take one version with 'git checkout --ours <path>' or '--theirs', or write the file yourself,\nthen run 'git add <path>' and 'git theta merge --continue'.",
  });
}

/** Takes the merged manifest of a model, and its checkpoint where the work tree has another one. */
async function takeMerged(repo: Repository, mergeable: Mergeable): Promise<void> {
  const { model, manifest, text, oid, workTree } = mergeable;
  const { path, stages } = model;
  const mode = stages[1]?.mode ?? '100644';
  await updateIndex(repo, [{ path, oid, mode }]);
  if (workTree === 'merged') return;
  const file = repo.absolute(path);
  // Where checkpoints are left as manifests, so is this one.
  const left = readFileSync(file).subarray(0, 13).toString() === '{"git-theta":';
  if (left) writeFile(file, text);
  else await write(repo, [{ path, oid, mode, manifest, text }]);
}

/** Makes all stores agree with their models; the models that were touched. */
async function repairStores(repo: Repository): Promise<string[]> {
  const { store } = await readUnmerged(repo);
  const models = await modelsInIndex(repo, null);
  const paths = models.map(({ path }) => path);
  const stopped = new Set(store.map((path) => modelOf(path, paths)));
  const touched: string[] = [];
  for (const { path, manifest } of models) {
    if (!stopped.has(path) && (await storeAgrees(repo, path, manifest))) continue;
    await repairStore(repo, path, manifest);
    touched.push(path);
  }
  // Stores of models that are gone.
  const { removed } = await restage(repo, undefined, []);
  if (models.length > 0) await ensureStoreAttributes(repo);
  // Files that no store has: one side moved a model, the other changed it.
  const { store: left } = await readUnmerged(repo);
  await updateIndex(
    repo,
    left.map((path) => ({ path, oid: null })),
  );
  for (const path of left) rmSync(repo.absolute(path), { force: true });
  return [...touched, ...removed].sort();
}

/** What was done. */
export interface Finished {
  /** Models whose merged tensors were taken. */
  readonly merged: readonly string[];
  /** Models whose stores were staged. */
  readonly stores: readonly string[];
  /** Unmerged paths that are not ours. */
  readonly others: readonly string[];
}

/**
 * Resolves what can be resolved. Afterwards nothing of ours is unmerged.
 *
 * @throws ThetaError `ERR_THETA_CONFLICT`
 */
export async function resolveModels(repo: Repository, state: MergeState): Promise<Finished> {
  refuseConflicts(state);
  for (const mergeable of state.mergeable) await takeMerged(repo, mergeable);
  const stores = await repairStores(repo);
  forgetResults(repo.gitDir);
  return {
    merged: state.mergeable.map(({ model }) => model.path),
    stores,
    others: state.others,
  };
}
