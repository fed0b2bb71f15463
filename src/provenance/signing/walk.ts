/**
 * The files of a model.
 *
 * In: a folder, and what to leave out. Out: its files by name, sorted, and what is in the way: links
 * where none may be, sockets, names that cannot be signed. Links to folders are followed when links
 * may be, never into a circle. Nothing is opened.
 */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { reading, stopIfCancelled } from './failures';
import { badName, byName } from './names';

/** A file of a model. */
export interface ModelFile {
  /** Relative to the model, with `/`. */
  readonly name: string;
  readonly path: string;
}

/** What is no file to sign, and why. */
export interface Obstacle {
  readonly name: string;
  readonly why: string;
}

/** What was found. */
export interface Found {
  readonly files: readonly ModelFile[];
  readonly obstacles: readonly Obstacle[];
  /** Links that lead out of the model or into a circle. */
  readonly warnings: readonly string[];
}

/** What to leave out, and whether links may be followed. */
export interface WalkOptions {
  /** Paths relative to the folder; what is in a folder of that name is left out as well. */
  readonly ignore: readonly string[];
  readonly allowSymlinks: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Left out of a signature unless it lists them, at the top of a model. */
export const ALWAYS_IGNORED: readonly string[] = [
  '.git',
  '.gitattributes',
  '.github',
  '.gitignore',
];

interface Folder {
  readonly name: string;
  readonly path: string;
  /** The real paths of this folder and those above it, to notice circles. */
  readonly real: readonly string[];
}

/** Finds the files below `root`. */
export async function walk(root: string, options: WalkOptions): Promise<Found> {
  const ignored = new Set(options.ignore);
  const files: ModelFile[] = [];
  const obstacles: Obstacle[] = [];
  const warnings: string[] = [];
  const top = await reading(root, () => realpath(root));
  const folders: Folder[] = [{ name: '', path: root, real: [top] }];

  /** What a link leads to. */
  async function follow(name: string, path: string, folder: Folder): Promise<void> {
    const [target, found] = await reading(path, async () => [
      await realpath(path),
      await stat(path),
    ]);
    if (target !== top && !target.startsWith(top + sep))
      warnings.push(`${name} leads out of the model, to ${target}`);
    if (found.isFile()) files.push({ name, path });
    else if (!found.isDirectory()) obstacles.push({ name, why: 'is neither a file nor a folder' });
    else if (folder.real.includes(target)) warnings.push(`${name} leads to a folder it is in`);
    else folders.push({ name: `${name}/`, path, real: [...folder.real, target] });
  }

  async function visit(entry: Dirent, folder: Folder): Promise<void> {
    const name = folder.name + entry.name;
    if (ignored.has(name)) return;
    const path = join(folder.path, entry.name);
    const why = badName(name);
    if (why) obstacles.push({ name, why: `has a name that ${why}` });
    else if (entry.isFile()) files.push({ name, path });
    else if (entry.isDirectory())
      folders.push({
        name: `${name}/`,
        path,
        real: [...folder.real, join(folder.real.at(-1) ?? '', entry.name)],
      });
    else if (!entry.isSymbolicLink())
      obstacles.push({ name, why: 'is neither a file nor a folder' });
    else if (options.allowSymlinks) await follow(name, path, folder);
    else obstacles.push({ name, why: 'is a symbolic link' });
  }

  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    const { path } = folder;
    stopIfCancelled(options.signal);
    for (const entry of await reading(path, () => readdir(path, { withFileTypes: true })))
      await visit(entry, folder);
  }
  return { files: files.sort(byName), obstacles: obstacles.sort(byName), warnings };
}
