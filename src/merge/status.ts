/**
 * How far a merge is: which models are in conflict, and which only need their stores repaired.
 *
 * In: a repository. Out: a report; nothing is changed.
 */
import { hashObjects } from '../git/objects';
import type { Repository } from '../git/repository';
import { type Manifest, printManifest } from '../manifest';
import { modelsInIndex } from '../road/models';
import { modelOf } from '../store/paths';
import type { Conflict } from './conflict';
import { decide } from './decision';
import { type Operation, operationInProgress } from './operation';
import { describeSide } from './side';
import { storeAgrees } from './store-repair';
import { readUnmerged, type UnmergedModel } from './unmerged';

/**
 * One model.
 *
 * - `conflict`: a person has to decide.
 * - `edited`: the tensors merge by themselves, but the file in the work tree is another one: stage it or take it back.
 * - `mergeable`: `--continue` takes the merged tensors.
 * - `store`: the model is resolved, its store is not what the model says.
 */
export interface ModelState {
  readonly path: string;
  readonly state: 'conflict' | 'edited' | 'mergeable' | 'store';
  readonly conflicts: readonly Conflict[];
}

/** A model whose merged manifest is known. */
export interface Mergeable {
  readonly model: UnmergedModel;
  readonly manifest: Manifest;
  readonly text: string;
  readonly oid: string;
  /** The work tree has the version of ours, or already the merged one. */
  readonly workTree: 'ours' | 'merged';
}

export interface MergeState {
  /** What git is in the middle of. */
  readonly operation: Operation | null;
  readonly models: readonly ModelState[];
  /** Unmerged paths that are neither models nor store files. */
  readonly others: readonly string[];
  /** Unmerged store files. */
  readonly store: readonly string[];
  readonly mergeable: readonly Mergeable[];
}

/** A model of which git has no two versions to merge: one side removed it, or never had a manifest. */
function fileConflict({ sides: [base, ours, theirs] }: UnmergedModel): Conflict {
  if (base.kind === 'absent' || (ours.kind !== 'absent' && theirs.kind !== 'absent')) {
    const broken = ours.kind === 'manifest' ? theirs : ours;
    const side = broken === ours ? 'ours' : 'theirs';
    return { name: '', kind: 'format', reason: `the version of ${side} ${describeSide(broken)}` };
  }
  const [removed, changed] =
    ours.kind === 'absent' ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
  return {
    name: '',
    kind: 'modify/delete',
    [changed]: 'checkpoint',
    reason: `${removed} removed the checkpoint, ${changed} changed it`,
  };
}

/** What the file in the work tree would be staged as. */
async function workTreeOid(repo: Repository, path: string): Promise<string | null> {
  const args = ['hash-object', `--path=${path}`, '--', path];
  const { code, stdout } = await repo.git(args, { check: false });
  return code === 0 ? stdout.trim() : null;
}

async function examine(
  repo: Repository,
  model: UnmergedModel,
): Promise<{ state: ModelState; mergeable?: Mergeable }> {
  const { path, sides, stages } = model;
  const [, ours, theirs] = sides;
  if (ours.kind !== 'manifest' || theirs.kind !== 'manifest') {
    return { state: { path, state: 'conflict', conflicts: [fileConflict(model)] } };
  }
  const { manifest, conflicts } = decide(path, sides);
  if (!manifest) return { state: { path, state: 'conflict', conflicts } };
  const text = printManifest(manifest);
  const [oid = ''] = await hashObjects(repo, [Buffer.from(text)]);
  const found = await workTreeOid(repo, path);
  if (found !== oid && found !== stages[1]?.oid) {
    return { state: { path, state: 'edited', conflicts: [] } };
  }
  const workTree = found === oid ? 'merged' : 'ours';
  return {
    state: { path, state: 'mergeable', conflicts: [] },
    mergeable: { model, manifest, text, oid, workTree },
  };
}

/** Looks at the index and, where a model merges by itself, at its file. */
export async function mergeState(repo: Repository): Promise<MergeState> {
  const unmerged = await readUnmerged(repo);
  const models: ModelState[] = [];
  const mergeable: Mergeable[] = [];
  for (const model of unmerged.models) {
    const found = await examine(repo, model);
    models.push(found.state);
    if (found.mergeable) mergeable.push(found.mergeable);
  }
  const resolved = await modelsInIndex(repo, null);
  const paths = resolved.map(({ path }) => path);
  const stopped = new Set(unmerged.store.map((path) => modelOf(path, paths)));
  for (const { path, manifest } of resolved) {
    if (stopped.has(path) || !(await storeAgrees(repo, path, manifest))) {
      models.push({ path, state: 'store', conflicts: [] });
    }
  }
  const { store, others } = unmerged;
  return { operation: operationInProgress(repo), models, store, others, mergeable };
}
