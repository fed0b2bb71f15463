/**
 * What is unmerged in git's index, taken apart into models, store files and everything else.
 *
 * In: an index. Out: the models with their three stages, and paths. Nothing is remembered from the merge itself: the
 * stages say all, and other merges (`git merge-tree`, `git log --remerge-diff`) may have run since.
 */
import { isTracked } from '../git/attributes';
import { catFiles } from '../git/objects';
import type { Repository } from '../git/repository';
import { STORE_FOLDER } from '../store/paths';
import { type Side, sideOf } from './side';

/** A blob that git keeps for one side. */
export interface Stage {
  readonly oid: string;
  readonly mode: string;
}

/** A model in conflict. A stage is absent where the side does not have the file. */
export interface UnmergedModel {
  readonly path: string;
  readonly stages: readonly [base: Stage | null, ours: Stage | null, theirs: Stage | null];
  readonly sides: readonly [base: Side, ours: Side, theirs: Side];
}

export interface Unmerged {
  readonly models: UnmergedModel[];
  /** Store files, and the attributes of the store. */
  readonly store: string[];
  /** What is none of our business. */
  readonly others: string[];
}

type Stages = [Stage | null, Stage | null, Stage | null];

/** Larger blobs are checkpoints that were never tracked: the largest manifest is smaller. */
const LARGEST = 64 * 2 ** 20;

async function stagesByPath(repo: Repository): Promise<Map<string, Stages>> {
  const { stdout } = await repo.git([
    'ls-files',
    '--unmerged',
    '-z',
    '--full-name',
    '--',
    ':(top)',
  ]);
  const found = new Map<string, Stages>();
  for (const line of stdout.split('\0')) {
    const tab = line.indexOf('\t');
    if (tab < 0) continue;
    const path = line.slice(tab + 1);
    const [mode = '', oid = '', stage = ''] = line.slice(0, tab).split(' ');
    const stages = found.get(path) ?? [null, null, null];
    stages[Number(stage) - 1] = { oid, mode };
    found.set(path, stages);
  }
  return found;
}

/** What blobs are; read one by one, and only if a manifest can be in them. */
async function loadSides(repo: Repository, oids: readonly string[]): Promise<Map<string, Side>> {
  const sides = new Map<string, Side>();
  const { stdout } = await repo.git(['cat-file', '--batch-check=%(objectname) %(objectsize)'], {
    input: oids.map((oid) => `${oid}\n`).join(''),
  });
  const small: string[] = [];
  for (const line of stdout.split('\n')) {
    const [oid = '', size] = line.split(' ');
    if (oid === '') continue;
    if (Number(size) <= LARGEST) small.push(oid);
    else sides.set(oid, { kind: 'checkpoint' });
  }
  for await (const { spec, content } of catFiles(repo, small)) {
    sides.set(
      spec,
      sideOf(content.subarray(0, 1024), () => content),
    );
  }
  return sides;
}

/** Reads what is unmerged. */
export async function readUnmerged(repo: Repository): Promise<Unmerged> {
  const byPath = await stagesByPath(repo);
  const store = [...byPath.keys()].filter((path) => path.startsWith(`${STORE_FOLDER}/`));
  const rest = [...byPath.keys()].filter((path) => !path.startsWith(`${STORE_FOLDER}/`));
  const files = (path: string): Stage[] => {
    const stages: readonly (Stage | null)[] = byPath.get(path) ?? [];
    return stages.filter((stage) => stage !== null);
  };
  const regular = rest.filter((path) => files(path).every(({ mode }) => mode.startsWith('100')));
  const tracked = await isTracked(repo, regular);
  const oids = new Set(regular.flatMap((path) => files(path).map(({ oid }) => oid)));
  const sides = await loadSides(repo, [...oids]);
  const sideAt = (stage: Stage | null): Side =>
    (stage && sides.get(stage.oid)) ?? { kind: 'absent' };

  const models: UnmergedModel[] = [];
  for (const path of regular) {
    const stages = byPath.get(path) ?? [null, null, null];
    const [base, ours, theirs] = [sideAt(stages[0]), sideAt(stages[1]), sideAt(stages[2])];
    const any = [base, ours, theirs].some(({ kind }) => kind === 'manifest');
    // The file with the attributes may be in conflict itself; a manifest is a model in any case.
    if (tracked.get(path) || any) models.push({ path, stages, sides: [base, ours, theirs] });
  }
  const own = new Set(models.map(({ path }) => path));
  return { models, store, others: rest.filter((path) => !own.has(path)) };
}
