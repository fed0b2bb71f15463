/**
 * Which paths of a work tree may differ from HEAD.
 *
 * In: a repository. Out: paths of code that are changed, staged, removed or untracked, those of models likewise, and
 * submodules. Git is asked on copies of its index from which models are taken out, so that no checkpoint goes through
 * its filter, and from which the marks are taken that tell git not to look at a file. The user's index is only read.
 */
import { constants } from 'node:fs';
import { copyFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ask, records } from '../git/ask';
import { overlooked } from '../git/flags';
import { modelsAmong } from '../git/models';
import { type Entry, parseStatus } from '../git/porcelain';
import type { OpenRepository } from '../open';
import { allDrivers, MODELS, without } from './drivers';

const STORE = '.git_theta/';

/** What there is to look at. Paths have one character for each byte. */
export interface WorkTree {
  /** No models; of tracked paths with what git knows of them. */
  readonly paths: ReadonlyMap<string, Entry | null>;
  /** Checkpoints that are new or changed; their stores are not listed. */
  readonly models: readonly string[];
  /** Repositories inside that are no submodules, without the slash at the end. */
  readonly repositories: readonly string[];
}

/** Asks git. `scratch` is an empty folder for the copies. */
export async function lookAt(repo: OpenRepository, scratch: string): Promise<WorkTree> {
  const { ask } = repo;
  const { text } = await ask(['ls-files', '-z']);
  const tracked = [...new Set(records(text))];
  const trackedModels = await modelsAmong(ask, tracked);
  const drivers = without(await allDrivers(ask));
  const code = await copyIndex(repo, join(scratch, 'code'), drivers);
  await code.update(['--force-remove'], [...trackedModels]);
  const marked = await overlooked(code.ask, repo.top);
  await code.update(['--no-assume-unchanged'], marked);
  await code.update(['--no-skip-worktree'], marked);
  const { entries, untracked } = parseStatus(await askStatus(code.ask, drivers));
  const otherModels = await modelsAmong(ask, untracked);
  const paths = new Map<string, Entry | null>();
  const repositories: string[] = [];
  for (const path of untracked) {
    if (trackedModels.has(path) || otherModels.has(path)) continue;
    if (path.endsWith('/')) repositories.push(path.slice(0, -1));
    else paths.set(path, null);
  }
  for (const entry of entries) {
    // Taken out of this index, so that HEAD has them and it has not.
    if (trackedModels.has(entry.path)) continue;
    paths.set(entry.path, entry);
  }
  // Of an index that knows less than HEAD, models that HEAD alone has.
  for (const path of await modelsAmong(ask, [...paths.keys()])) paths.delete(path);
  const known = await copyIndex(repo, join(scratch, 'models'), drivers);
  const changed = await changedModels(known, tracked, trackedModels);
  const added = untracked.filter((path) => otherModels.has(path) && !trackedModels.has(path));
  const models = [...changed, ...added].filter((path) => !path.startsWith(STORE));
  return { paths, models, repositories };
}

/** A copy of the index that git works on. */
interface IndexCopy {
  readonly ask: Ask;
  /** Runs update-index with these options on these paths. */
  update(options: readonly string[], paths: readonly string[]): Promise<void>;
}

async function copyIndex(
  { ask, gitDir }: OpenRepository,
  path: string,
  drivers: readonly string[],
): Promise<IndexCopy> {
  const original = join(gitDir, 'index');
  const found = await stat(original).catch(() => null);
  if (found) {
    await copyFile(original, path, constants.COPYFILE_EXCL);
    // Git takes a file as unchanged when it is older than the index: the copy must not look newer.
    const time = Math.floor(found.mtimeMs / 1000);
    await utimes(path, time, time);
  }
  const onCopy: Ask = (args, question = {}) =>
    // A split index would be written into the repository.
    ask(['-c', 'core.splitIndex=false', ...without(MODELS), ...args], {
      ...question,
      env: { ...question.env, GIT_INDEX_FILE: path },
    });
  const update: IndexCopy['update'] = async (options, paths) => {
    if (paths.length === 0) return;
    const input = paths.map((name) => `${name}\0`).join('');
    // Where git is not sure of a file it looks into it, and marks it to be looked at again when it differs.
    await onCopy([...drivers, 'update-index', ...options, '-z', '--stdin'], { input });
  };
  return { ask: onCopy, update };
}

async function askStatus(ask: Ask, drivers: readonly string[]): Promise<string> {
  const args = [
    'status',
    '--porcelain=v2',
    '-z',
    '--branch',
    '--no-ahead-behind',
    '--untracked-files=all',
    '--ignore-submodules=none',
    '--no-renames',
  ];
  const { code, text } = await ask(args, { mayFail: true });
  if (code === 0) return text;
  // A driver that fails must not be in the way: without it a file that was touched counts as changed.
  return (await ask([...drivers, ...args])).text;
}

/** Models of the index that differ from it in the work tree, or from HEAD. */
async function changedModels(
  index: IndexCopy,
  tracked: readonly string[],
  models: ReadonlySet<string>,
): Promise<Set<string>> {
  const wanted = [...models].filter((path) => !path.startsWith(STORE));
  if (wanted.length === 0) return new Set();
  const isWanted = new Set(wanted);
  await index.update(
    ['--force-remove'],
    tracked.filter((path) => !isWanted.has(path)),
  );
  const [work, head] = await Promise.all([
    index.ask(['diff-files', '-z', '--name-only', '--no-ext-diff']),
    index.ask(['diff-index', '--cached', '-z', '--name-only', '--no-renames', 'HEAD'], {
      mayFail: true,
    }),
  ]);
  // Without a commit all are new.
  const staged = head.code === 0 ? records(head.text).filter((path) => isWanted.has(path)) : wanted;
  return new Set([...records(work.text), ...staged]);
}
