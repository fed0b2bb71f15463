/**
 * Which signature covers a file: for commands that would change it.
 *
 * In: a path. Out: the signature file that lists it: `FILE.sig` beside it, or `model.sig` in its
 * folder or one above. Whether the signature holds is not looked at, and no file is hashed. Nothing
 * is refused: what cannot be read covers nothing.
 */
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { isThetaError } from '../../errors';
import { readBundle } from './bundle';
import { Problem } from './failures';
import { kindOf } from './files';
import { ITSELF, parseStatement, shardOf } from './statement';
import { FOLDER_SIGNATURE } from './target';

const MAX_LEVELS = 32;

/** The names of the files that a signature file lists; undefined when it is none. */
async function listed(signature: string): Promise<string[] | undefined> {
  try {
    if ((await kindOf(signature)) !== 'file') return undefined;
    const { resources, serialization } = parseStatement((await readBundle(signature)).payload);
    const parts = serialization.shardSize !== undefined;
    return resources.map(({ name }) => (parts ? (shardOf(name)?.path ?? name) : name));
  } catch (error) {
    if (error instanceof Problem || isThetaError(error)) return undefined;
    if (typeof (error as NodeJS.ErrnoException).syscall === 'string') return undefined;
    throw error;
  }
}

/** The signature file that covers the file or, for a folder, the one in it; undefined for none. */
export async function isSigned(path: string): Promise<string | undefined> {
  const file = resolve(path);
  const beside = `${file}.sig`;
  const names = await listed(beside);
  if (names?.includes(basename(file)) || names?.includes(ITSELF)) return beside;
  const inside = join(file, FOLDER_SIGNATURE);
  if (await listed(inside)) return inside;
  let folder = dirname(file);
  for (let level = 0; level < MAX_LEVELS; level++) {
    const signature = join(folder, FOLDER_SIGNATURE);
    const name = relative(folder, file).split(sep).join('/');
    if ((await listed(signature))?.includes(name)) return signature;
    if (dirname(folder) === folder) break;
    folder = dirname(folder);
  }
  return undefined;
}
