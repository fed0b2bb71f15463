/**
 * The id of a commit's tree without its models.
 *
 * In: a commit. Out: the id that git would give to its tree if the paths of models.ts were not there; nothing is
 * written. With nothing removed it is the id of the tree itself. A folder that holds models only is not in it.
 */
import { createHash } from 'node:crypto';
import { type Ask, readable, records } from './ask';
import { modelsAmong } from './models';

/** A file, link or submodule of a tree; `path` has one character for each byte. */
export interface TreeFile {
  readonly mode: string;
  readonly id: string;
  readonly path: string;
}

/** A commit's files, and the id of its tree without models. */
export interface CodeTree {
  readonly id: string;
  readonly submodules: readonly { readonly path: string; readonly commit: string }[];
}

const FOLDER = '40000';
const SUBMODULE = '160000';

/** Computes it. */
export async function codeTree(
  ask: Ask,
  commit: string,
  format: 'sha1' | 'sha256',
): Promise<CodeTree> {
  const { text } = await ask(['ls-tree', '-r', '-z', '--full-tree', commit]);
  const files = records(text).map((record): TreeFile => {
    const tab = record.indexOf('\t');
    const [mode = '', , id = ''] = record.slice(0, tab).split(' ');
    return { mode, id, path: record.slice(tab + 1) };
  });
  const models = await modelsAmong(
    ask,
    files.map(({ path }) => path),
  );
  return {
    id: treeId(
      files.filter(({ path }) => !models.has(path)),
      format,
    ),
    submodules: files
      .filter(({ mode }) => mode === SUBMODULE)
      .map(({ path, id }) => ({ path: readable(path), commit: id })),
  };
}

interface Item {
  readonly mode: string;
  readonly id: Buffer;
}

/** The id of the tree that has exactly these files. */
export function treeId(files: readonly TreeFile[], format: 'sha1' | 'sha256'): string {
  const folders = new Map<string, Map<string, Item>>([['', new Map()]]);
  const folder = (path: string): Map<string, Item> => {
    const known = folders.get(path);
    if (known) return known;
    const items = new Map<string, Item>();
    folders.set(path, items);
    // Its id follows when it is known; its parents are needed for certain.
    const [parent, name] = split(path);
    folder(parent).set(name, { mode: FOLDER, id: Buffer.alloc(0) });
    return items;
  };
  for (const { mode, id, path } of files) {
    const [parent, name] = split(path);
    folder(parent).set(name, { mode, id: Buffer.from(id, 'hex') });
  }
  const deepestFirst = [...folders.keys()].sort((a, b) => depth(b) - depth(a));
  let id: Buffer = Buffer.alloc(0);
  for (const path of deepestFirst) {
    id = hashTree(folders.get(path) ?? new Map(), format);
    if (path === '') break;
    const [parent, name] = split(path);
    folders.get(parent)?.set(name, { mode: FOLDER, id });
  }
  return id.toString('hex');
}

function split(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** Levels below the top, which alone has none. */
function depth(path: string): number {
  return path === '' ? 0 : path.split('/').length;
}

function hashTree(items: ReadonlyMap<string, Item>, format: 'sha1' | 'sha256'): Buffer {
  // git sorts a folder as if its name ended in a slash. Characters stand for bytes, so this is their order.
  const sorted = [...items]
    .map(([name, item]) => ({ name, ...item, key: item.mode === FOLDER ? `${name}/` : name }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const parts = sorted.flatMap(({ mode, name, id }) => [
    Buffer.from(`${mode} ${name}\0`, 'latin1'),
    id,
  ]);
  const body = Buffer.concat(parts);
  return createHash(format).update(`tree ${body.length}\0`).update(body).digest();
}
