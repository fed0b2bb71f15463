/**
 * The attributes of the store: everything below `.git_theta` is Git LFS's, whatever other files say.
 *
 * The last word of the first line is a macro. Where `git theta install` has defined it, our own filter handles the
 * store's files: it makes the same pointers and objects as Git LFS, and leaves the work tree to a hook that links the
 * files to their objects, so that no tensor goes through git's pipe. Where nobody defined it (a clone without git-theta)
 * it says nothing, and Git LFS handles the files as any others.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFile } from '../failure';
import { updateIndex } from '../git/index';
import { catFile, hashObjects } from '../git/objects';
import type { Repository } from '../git/repository';
import { STORE_FOLDER } from './paths';
import { refuseLink } from './work-tree';

/** Content of `.git_theta/.gitattributes`. */
export const STORE_ATTRIBUTES =
  '* filter=lfs diff=lfs merge=theta-store -text theta-store\n.gitattributes !filter !diff !merge !text\n';

/** The macro, as it stands in an attributes file of the user's. */
export const STORE_MACRO = '[attr]theta-store filter=theta-store';

/** Whether our filter handles the store's files here. */
export async function isStoreOurs(repo: Repository): Promise<boolean> {
  const args = ['check-attr', '-z', 'filter', '--', `${STORE_FOLDER}/zarr.json`];
  const { stdout } = await repo.git(args);
  return stdout.split('\0')[2] === 'theta-store';
}

const PATH = `${STORE_FOLDER}/.gitattributes`;

/**
 * Writes and stages the file.
 *
 * @param o - `workTree`: also write the file itself (default).
 * @returns whether something changed.
 */
export async function ensureStoreAttributes(
  repo: Repository,
  o: { indexFile?: string | undefined; workTree?: boolean } = {},
): Promise<boolean> {
  const content = Buffer.from(STORE_ATTRIBUTES);
  let changed = false;
  if (o.workTree !== false) {
    const file = repo.absolute(PATH);
    refuseLink(dirname(file));
    refuseLink(file);
    if (!content.equals(readIfThere(file))) {
      mkdirSync(dirname(file), { recursive: true });
      writeFile(file, content);
      changed = true;
    }
  }
  const staged = await catFile(repo, `:0:${PATH}`, { indexFile: o.indexFile });
  if (staged?.equals(content)) return changed;
  const [oid] = await hashObjects(repo, [content]);
  await updateIndex(repo, [{ path: PATH, oid: oid ?? null }], { indexFile: o.indexFile });
  return true;
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
