/**
 * What is signed: a file, or a folder; and where its signature is.
 *
 * In: a path. Out: what it is, the default place of its signature, and the files it consists of.
 * Refused: what is neither a file nor a folder, a link unless links are allowed.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { reading, refused } from './failures';
import { kindOf } from './files';
import type { ModelFile } from './walk';

/** A model on the disk. */
export interface Target {
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** The last part of its absolute path. */
  readonly name: string;
  readonly isLink: boolean;
}

/** The name of the signature of a folder, inside it: that of the reference implementation. */
export const FOLDER_SIGNATURE = 'model.sig';

/** Looks at what is to be signed or verified. */
export function openTarget(path: string): Promise<Target> {
  return reading(path, async () => {
    const kind = await kindOf(path);
    const found = await stat(path);
    const name = basename(resolve(path));
    const isLink = kind === 'other';
    if (found.isFile()) return { path, kind: 'file' as const, name, isLink };
    if (found.isDirectory()) return { path, kind: 'folder' as const, name, isLink };
    throw refused(`${path}: is neither a file nor a folder`, { path });
  });
}

/** Where the signature is unless told: `FILE.sig`, or `FOLDER/model.sig`. */
export function defaultSignature({ path, kind }: Target): string {
  return kind === 'file' ? `${path}.sig` : join(path, FOLDER_SIGNATURE);
}

/** The name of a signature that lies in the folder it signs; undefined when it does not. */
export async function nameInside(target: Target, signature: string): Promise<string | undefined> {
  if (target.kind === 'file') return undefined;
  const folder = await reading(dirname(signature), () => realpath(dirname(signature)));
  const root = await reading(target.path, () => realpath(target.path));
  const name = relative(root, join(folder, basename(signature)))
    .split(sep)
    .join('/');
  return name.startsWith('../') || resolve(root, name) !== join(root, name) ? undefined : name;
}

/** The sizes of files. */
export async function sizesOf(files: readonly ModelFile[]): Promise<number[]> {
  const sizes: number[] = [];
  for (const { path } of files)
    sizes.push(await reading(path, async () => (await stat(path)).size));
  return sizes;
}
