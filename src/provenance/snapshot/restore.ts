/**
 * A snapshot as a work tree.
 *
 * In: the name of a snapshot, and a folder that is not there. Out: a linked work tree with exactly its files, and the
 * list of what the snapshot left out. Files that the snapshot added or changed are byte for byte what they were, with
 * no filter and no conversion; the others are what `git checkout` makes of them, but models and other files of Git LFS,
 * which stay what git has. No hook runs. Refused: a folder that exists. After a failure nothing is left of it.
 */

import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { ThetaError } from '../../errors';
import { blobOid } from '../../git/pack';
import { askIn, fileOf, readable, records } from '../git/ask';
import { type OpenRepository, openRepository } from '../open';
import { reading, refused } from '../signing/failures';
import { allDrivers, POINTERS, without } from './drivers';
import { Files } from './files';
import { findSnapshot, type Snapshot } from './find';

/** How {@link restore} works. */
export interface RestoreOptions {
  /** A folder of the repository; by default the current one. */
  readonly dir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link restore} made. */
export interface RestoredSnapshot extends Snapshot {
  /** The work tree. */
  readonly folder: string;
}

/**
 * Makes a linked work tree of a snapshot; `git worktree remove` removes it.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_REFUSED` when the folder exists; `ERR_THETA_NOT_FOUND`, `ERR_THETA_USAGE`,
 *   `ERR_THETA_PROVENANCE_UNSUPPORTED` for the snapshot; `ERR_THETA_PROVENANCE_NO_GIT`, `ERR_THETA_PROVENANCE_IO`,
 *   `ERR_THETA_CANCELLED`; what git fails with.
 */
export async function restore(
  name: string,
  folder: string,
  o: RestoreOptions = {},
): Promise<RestoredSnapshot> {
  const repo = await openRepository(o.dir, o.signal);
  const found = await findSnapshot(repo, name);
  const target = resolve(folder);
  await checkTarget(repo, target);
  const ask = asking(repo);
  await ask(['worktree', 'add', '--quiet', '--detach', '--no-checkout', target, found.commit]);
  try {
    await fill(repo, found, target, o.signal);
  } catch (error) {
    // Without the signal: it may be what ended the work.
    await asking({ ...repo, ask: askIn(repo.top) })(['worktree', 'remove', '--force', target], {
      mayFail: true,
    });
    throw error;
  }
  return { ...found, folder: target };
}

async function checkTarget({ gitDir }: OpenRepository, target: string): Promise<void> {
  await reading(target, async () => {
    const exists = await lstat(target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (exists)
      throw refused(`${target}: exists already`, {
        path: target,
        hint: 'Name a folder that is not there.',
      });
  });
  if (`${target}${sep}`.startsWith(`${gitDir}${sep}`))
    throw refused(`${target}: is in the git directory`, { path: target });
}

/** As the repository's, but no hook runs, and no file is left out as sparse. */
function asking({ ask }: OpenRepository): OpenRepository['ask'] {
  const plain = [
    'core.hooksPath=/dev/null',
    'core.sparseCheckout=false',
    'submodule.recurse=false',
    'checkout.workers=1',
  ].flatMap((setting) => ['-c', setting]);
  return (args, question) => ask([...plain, ...args], question);
}

async function fill(
  repo: OpenRepository,
  { commit, parent }: Snapshot,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const top = { ...repo, top: target, ask: askIn(target, signal) };
  const ask = asking(top);
  const reset = ['reset', '--hard', '--quiet'];
  // First what was committed, as a checkout would have it; then the snapshot's own files, without filters.
  if (parent !== null) await ask([...without(POINTERS), ...reset, parent]);
  await ask([...without(await allDrivers(ask)), ...reset, commit]);
  const from =
    parent ?? (await ask(['hash-object', '-t', 'tree', '--stdin'], { input: '' })).text.trim();
  const { text } = await ask(['diff-tree', '-r', '-z', '--no-renames', '--raw', from, commit]);
  const fields = records(text);
  const files = new Files(target, signal);
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = '', , id = ''] = (fields[at] ?? '').split(' ');
    // Links and submodules have neither line ends nor filters.
    if (mode.startsWith('100')) await writeExactly(top, files, { path: fields[at + 1] ?? '', id });
  }
}

/** Undoes conversions of line ends and the like that git made when it wrote a file. */
async function writeExactly(
  { ask, objectFormat, top }: OpenRepository,
  files: Files,
  { path, id }: { path: string; id: string },
): Promise<void> {
  const found = await files.find(path);
  if (found.kind === 'file' && blobOid(objectFormat, found.content) === id) return;
  if (found.kind !== 'file' && found.kind !== 'large')
    throw new ThetaError('ERR_THETA_PROVENANCE_IO', `${readable(path)}: git did not write it`, {
      path: readable(path),
    });
  const { text } = await ask(['cat-file', 'blob', id]);
  await reading(readable(path), async () => {
    const flags = constants.O_WRONLY | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);
    const file = await open(fileOf(top, path), flags);
    try {
      await file.writeFile(Buffer.from(text, 'latin1'));
    } finally {
      await file.close();
    }
  });
}
