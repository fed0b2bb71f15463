/**
 * What `git mv` and `git rm` leave undone: the attribute lines of a model that moved or left.
 *
 * In: the index that is about to be committed. Out: where a model of HEAD is gone from it, its
 * two lines are gone too, and a file that has its manifest now has lines of its own; so has a file
 * that is the model with other values, and its manifest is staged (see renames.ts). Only lines
 * that name the model literally are touched, in the index and in the work tree separately: what
 * else the user changed there stays as it is.
 */
import { join } from 'node:path';
import { ATTRIBUTES_FILE, modelRule, storeRule } from '../config/patterns';
import {
  AttributeFile,
  literalPattern,
  readAttributes,
  writeAttributes,
} from '../git/attribute-file';
import { isTracked } from '../git/attributes';
import { updateIndex } from '../git/index';
import { catFile, hashObjects } from '../git/objects';
import type { Repository } from '../git/repository';
import { modelsInTree } from '../road/models';
import { inStore } from '../store/paths';
import { newFiles, type RawFile, stageManifest, successor } from './renames';

/** A model that is no longer where HEAD has it. */
export interface Departure {
  readonly from: string;
  /** Null: removed. */
  readonly to: string | null;
  /** Where the new name has the checkpoint itself instead of a manifest. */
  readonly raw?: RawFile;
}

/** The models that the index has elsewhere or not at all. */
export async function departures(
  repo: Repository,
  indexFile: string | undefined,
): Promise<Departure[]> {
  const { stdout } = await repo.git(['ls-files', '-s', '-z'], { indexFile });
  const byOid = new Map<string, string[]>();
  const present = new Set<string>();
  for (const line of stdout.split('\0')) {
    const tab = line.indexOf('\t');
    const path = line.slice(tab + 1);
    if (tab < 0 || inStore(path)) continue;
    const oid = line.split(' ')[1] as string;
    present.add(path);
    byOid.set(oid, [...(byOid.get(oid) ?? []), path]);
  }
  const before = await modelsInTree(repo, 'HEAD');
  const old = new Set(before.map(({ path }) => path));
  let files: RawFile[] | undefined;
  const added = async () => {
    files ??= await newFiles(repo, indexFile);
    return files;
  };
  const found: Departure[] = [];
  for (const { path, oid, manifest } of before) {
    if (!manifest || present.has(path)) continue;
    const to = byOid.get(oid)?.find((candidate) => !old.has(candidate)) ?? null;
    const raw = to === null ? await successor(repo, manifest, await added()) : null;
    found.push(raw ? { from: path, to: raw.path, raw } : { from: path, to });
  }
  return found;
}

/** Rewrites the lines in `.gitattributes`, in the index and in the work tree. */
export async function moveAttributes(
  repo: Repository,
  indexFile: string | undefined,
  moves: readonly Departure[],
): Promise<void> {
  if (moves.length === 0) return;
  const targets = moves.map(({ to }) => to).filter((to) => to !== null);
  const tracked = await isTracked(repo, targets);
  const change = (file: AttributeFile) => edit(file, moves, tracked);

  const staged = await catFile(repo, `:${ATTRIBUTES_FILE}`, indexFile ? { indexFile } : {});
  if (staged) {
    const file = AttributeFile.parse(staged);
    if (change(file)) {
      const content = file.toBuffer();
      const [oid] = content.length > 0 ? await hashObjects(repo, [content]) : [null];
      await updateIndex(repo, [{ path: ATTRIBUTES_FILE, oid: oid ?? null }], { indexFile });
    }
  }
  const path = join(repo.workTree, ATTRIBUTES_FILE);
  const file = await readAttributes(path);
  if (change(file)) await writeAttributes(path, file);
  for (const { raw } of moves) if (raw) await stageManifest(repo, indexFile, raw);
}

function edit(
  file: AttributeFile,
  moves: readonly Departure[],
  tracked: ReadonlyMap<string, boolean>,
): boolean {
  let changed = false;
  for (const { from, to } of moves) {
    const own = [modelRule(literalPattern(from)).pattern, storeRule(literalPattern(from)).pattern];
    const names = new Set(own.flatMap((pattern) => [pattern, `/${pattern}`]));
    const removed = file.remove((rule) => names.has(rule.pattern)) > 0;
    changed ||= removed;
    // Where a glob tracks the new name already, it does so for the store, too.
    if (to === null || (tracked.get(to) && !removed)) continue;
    const store = file.add(storeRule(literalPattern(to)), { quote: true });
    const model = file.add(modelRule(literalPattern(to)));
    changed ||= store || model;
  }
  return changed;
}
