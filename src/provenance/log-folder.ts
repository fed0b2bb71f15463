/**
 * The files that a run leaves in its log folder, so that readers of pl-git-callback find what they know.
 *
 * In: a state. Out: `git_info.json` with exactly the six fields, `provenance.json` with the state as the part `git` of
 * a stamp, and on demand `git-status.json`, the name that old versions of the original used. Each file is written as a
 * whole or not at all. Refused, before anything is written: a link, or what is no file, in the place of one.
 */
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { printSixFields } from './git';
import { reading, refused } from './signing/failures';
import { writeAtomically } from './signing/files';
import { type GitState, type SixFields, STAMP_SCHEMA, type Stamp } from './stamp';

/** What is written, and under which names. */
export interface LogFiles {
  readonly state: GitState;
  readonly six: SixFields;
  /** Write `git-status.json`, too. */
  readonly compat?: boolean | undefined;
}

/**
 * Writes them; the folder is made when it is not there.
 *
 * @returns the paths.
 * @throws ThetaError `ERR_THETA_PROVENANCE_REFUSED`, `ERR_THETA_PROVENANCE_IO`
 */
export async function writeLogFiles(
  folder: string,
  { state, six, compat = false }: LogFiles,
): Promise<string[]> {
  const stamp: Stamp = { schema: STAMP_SCHEMA, git: state, compat: { git_status: six } };
  const fields = printSixFields(six);
  const files = [
    ['git_info.json', fields],
    ['provenance.json', `${JSON.stringify(stamp, null, 2)}\n`],
    ...(compat ? [['git-status.json', fields] as const] : []),
  ].map(([name = '', content = '']) => ({ path: join(folder, name), content }));
  await reading(folder, async () => {
    await mkdir(folder, { recursive: true });
  });
  for (const { path } of files) await checkPlace(path);
  for (const { path, content } of files) await writeAtomically(path, content, true);
  return files.map(({ path }) => path);
}

function checkPlace(path: string): Promise<void> {
  return reading(path, async () => {
    const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (!found || found.isFile()) return;
    const what = found.isSymbolicLink() ? 'is a link' : 'is no file';
    throw refused(`${path}: ${what}, and is not replaced`, {
      path,
      hint: 'Remove it, or name another folder.',
    });
  });
}
