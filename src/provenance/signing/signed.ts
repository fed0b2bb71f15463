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

/** Whether a signature file lists a file by one of these names. */
async function lists(signature: string, names: readonly string[]): Promise<boolean> {
  try {
    if ((await kindOf(signature)) !== 'file') return false;
    const { resources, serialization } = parseStatement((await readBundle(signature)).payload);
    const parts = serialization.shardSize !== undefined;
    return resources.some(({ name }) => names.includes(parts ? (shardOf(name)?.path ?? '') : name));
  } catch (error) {
    if (error instanceof Problem || isThetaError(error)) return false;
    if (typeof (error as NodeJS.ErrnoException).syscall === 'string') return false;
    throw error;
  }
}

/** The signature file that covers the file or, for a folder, the one in it; undefined for none. */
export async function isSigned(path: string): Promise<string | undefined> {
  const file = resolve(path);
  const beside = `${file}.sig`;
  if (await lists(beside, [basename(file), ITSELF])) return beside;
  const kind = await kindOf(file).catch(() => undefined);
  if (kind === 'folder') {
    const inside = join(file, FOLDER_SIGNATURE);
    if ((await kindOf(inside)) === 'file') return inside;
  }
  let folder = dirname(file);
  for (let level = 0; level < MAX_LEVELS; level++) {
    const signature = join(folder, FOLDER_SIGNATURE);
    const name = relative(folder, file).split(sep).join('/');
    if (await lists(signature, [name])) return signature;
    if (dirname(folder) === folder) break;
    folder = dirname(folder);
  }
  return undefined;
}
