/**
 * `git theta status`: what has changed in the tracked checkpoints, tensor by tensor.
 *
 * In: paths, or nothing for all models. Out: for every model, how the index differs from HEAD and
 * the work tree from the index. A file that git says is modified is read once and compared by the
 * hashes of its tensors; of all others at most the stamp is read, which takes no tensor.
 */
import { lstatSync } from 'node:fs';
import { destination } from '../filter/destination';
import { previousRecords } from '../filter/previous';
import type { Repository } from '../git/repository';
import { compareManifests, fromRecords, type Manifest } from '../manifest';
import { decompose, type WorkOptions } from '../native';
import { type BriefStamp, briefStamp } from '../provenance/stamping';
import { manifestText } from './add';
import { type Model, modelsInIndex, modelsInTree, selectModels } from './models';
import { compareStore } from './unlisted';

/** How many tensors differ. */
export interface TensorChanges {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Something beside the tensors differs: the skeleton, the format. */
  readonly other: boolean;
}

/** One model. */
export interface ModelStatus {
  readonly path: string;
  /** Index against HEAD. */
  readonly staged: 'none' | 'added' | 'modified' | 'deleted' | 'conflict';
  /** Work tree against index. `manifest`: the checkpoint was left as text. */
  readonly worktree: 'none' | 'modified' | 'missing' | 'manifest' | 'untracked';
  /** The index's store agrees with its manifest. */
  readonly storeComplete: boolean;
  readonly stagedTensors: TensorChanges | null;
  readonly worktreeTensors: TensorChanges | null;
  /** What the file in the work tree says of the code that made it. */
  readonly stamp: BriefStamp | null;
}

/** The state of the models; of all of them, or of those that the paths select. */
export async function status(
  repo: Repository,
  paths: readonly string[],
  options: WorkOptions = {},
): Promise<ModelStatus[]> {
  const selected = await selectModels(repo, paths.length > 0 ? paths : [repo.workTree], {
    worktree: true,
  });
  const all = paths.length === 0;
  const head = byPath(await modelsInTree(repo, 'HEAD'));
  const index = byPath(await modelsInIndex(repo, null));
  const { unmerged, modified } = await gitStatus(repo);
  const names = new Set([...selected, ...(all ? [...head.keys(), ...index.keys()] : [])]);
  const report: ModelStatus[] = [];
  for (const path of [...names].sort()) {
    const before = head.get(path);
    const staged = index.get(path);
    const conflict = unmerged.has(path);
    const worktree = await workTreeState(repo, path, staged, modified.has(path));
    if (!before && !staged && !conflict && worktree === 'missing') continue;
    report.push({
      path,
      staged: conflict ? 'conflict' : stagedState(before, staged),
      worktree,
      storeComplete: await storeComplete(repo, staged),
      stagedTensors: changes(before?.manifest, staged?.manifest, before?.oid === staged?.oid),
      worktreeTensors:
        worktree === 'modified' && staged?.manifest
          ? changes(staged.manifest, await read(repo, path, options), false)
          : null,
      stamp:
        worktree === 'missing' || worktree === 'manifest'
          ? null
          : await briefStamp(repo.absolute(path)),
    });
  }
  return report;
}

function byPath(models: readonly Model[]): Map<string, Model> {
  return new Map(models.map((model) => [model.path, model]));
}

function stagedState(before: Model | undefined, staged: Model | undefined) {
  if (!before) return staged ? 'added' : 'none';
  if (!staged) return 'deleted';
  return before.oid === staged.oid ? 'none' : 'modified';
}

async function workTreeState(
  repo: Repository,
  path: string,
  staged: Model | undefined,
  modified: boolean,
): Promise<ModelStatus['worktree']> {
  const stats = lstatSync(repo.absolute(path), { throwIfNoEntry: false });
  if (!stats) return 'missing';
  if (!staged) return 'untracked';
  if (modified) return 'modified';
  if (!stats.isFile() || stats.size !== Buffer.byteLength(staged.text)) return 'none';
  return (await manifestText(repo.absolute(path))) ? 'manifest' : 'none';
}

async function storeComplete(repo: Repository, staged: Model | undefined): Promise<boolean> {
  if (!staged?.manifest) return true;
  const { unlisted, surplus } = await compareStore(
    repo,
    { indexFile: undefined },
    staged.path,
    staged.manifest,
  );
  return unlisted.length === 0 && surplus.length === 0;
}

function changes(
  before: Manifest | null | undefined,
  after: Manifest | null | undefined,
  same: boolean,
): TensorChanges | null {
  if (same || (!before && !after)) return null;
  if (!before || !after) {
    const count = (before ?? after)?.tensors.length ?? 0;
    return { added: after ? count : 0, removed: before ? count : 0, changed: 0, other: true };
  }
  const found = compareManifests(before, after);
  return {
    added: found.added.length,
    removed: found.removed.length,
    changed: found.changed.length,
    other: found.skeleton || found.format || found.pieces,
  };
}

/** What git itself says: it compares stat data first, and content where they differ. */
async function gitStatus(repo: Repository) {
  const args = ['status', '--porcelain=v2', '-z', '--no-renames', '--untracked-files=no'];
  const { stdout } = await repo.git([
    ...args,
    '--ignore-submodules',
    '--',
    ':(top)',
    ':(top,exclude).git_theta',
  ]);
  const unmerged = new Set<string>();
  const modified = new Set<string>();
  for (const line of stdout.split('\0')) {
    const fields = line.split(' ');
    if (fields[0] === 'u') unmerged.add(fields.slice(10).join(' '));
    if (fields[0] === '1' && fields[1]?.[1] !== '.') modified.add(fields.slice(8).join(' '));
  }
  return { unmerged, modified };
}

/** The manifest that the work-tree file would have. Its new tensors are in the store then, where that can be written. */
async function read(repo: Repository, path: string, options: WorkOptions): Promise<Manifest> {
  const { store, temp, discard } = destination(repo, !repo.isReadOnly());
  try {
    const previous = await previousRecords(repo, path);
    const { records } = await decompose(repo.absolute(path), { ...options, store, temp, previous });
    return fromRecords(records);
  } finally {
    discard();
  }
}
