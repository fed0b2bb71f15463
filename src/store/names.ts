/**
 * Names of tensors as folders.
 *
 * In: names whose components are separated by `/`. Out: a folder for each, by the rules of docs/format/manifest.md,
 * "Paths of names": safe on every file system, and different where names are different. Nothing is ever read back from it.
 */
import { createHash } from 'node:crypto';

/** Most bytes of a file name, and of one that makes room for a suffix. */
const MAX_NAME = 150;
const MAX_CUT = 141;

const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/**
 * Cuts an encoded name, not inside a `%XX`, and adds digits that tell it from others.
 *
 * @param second - take the digits after the first eight.
 */
function withSuffix(encoded: string, component: string, second = false): string {
  let cut = encoded;
  if (encoded.length > MAX_CUT) {
    const start = encoded.lastIndexOf('%', MAX_CUT - 1);
    cut = encoded.slice(0, start > MAX_CUT - 3 ? start : MAX_CUT);
  }
  const digits = createHash('sha256').update(component).digest('hex');
  return `${cut}~${second ? digits.slice(8, 16) : digits.slice(0, 8)}`;
}

/** A component of a name before it is cut (rules 1 and 2). */
function escapeComponent(component: string): string {
  if (component === '') return '%';
  const bytes = [...Buffer.from(component)];
  const reserved =
    /^(__|\.)/.test(component) ||
    component === 'zarr.json' ||
    /^c(\.[0-9]|$)/.test(component) ||
    DEVICE.test(component);
  return bytes
    .map((byte, at) => {
      const char = String.fromCharCode(byte);
      const first = at === 0 && reserved;
      const last = at === bytes.length - 1 && char === '.';
      return first || last || !/[A-Za-z0-9._-]/.test(char) ? percent(byte) : char;
    })
    .join('');
}

/** A component of a name as a file name (rules 1 to 3). */
export function encodeComponent(component: string): string {
  const encoded = escapeComponent(component);
  return encoded.length > MAX_NAME ? withSuffix(encoded, component) : encoded;
}

/** A folder while names are being given: of a group, of an array, or of one each. */
export interface Folder {
  component: string;
  children: Map<string, Folder>;
  /** Name of the array that is here. */
  array: string | null;
  /** Name of the group that is here. */
  group: string | null;
}

/** A folder without a name: the top of a tree of names. */
export function newFolder(component = ''): Folder {
  return { component, children: new Map(), array: null, group: null };
}

/** Puts a name into the tree. */
export function plant(top: Folder, name: string, kind: 'array' | 'group'): void {
  let folder = top;
  for (const component of name.split('/')) {
    let child = folder.children.get(component);
    if (!child) {
      child = newFolder(component);
      folder.children.set(component, child);
    }
    folder = child;
  }
  folder[kind] = name;
}

const fold = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** Paths of all arrays and groups in the tree, with `prefix` before them. */
export function place(
  top: Folder,
  prefix: string,
  arrays: Map<string, string>,
  groups: Map<string, string>,
): void {
  // The folder's own metadata is a sibling too.
  const uses = new Map<string, number>([['zarr.json', 1]]);
  const encoded = Array.from(top.children.values(), (child) => {
    const name = encodeComponent(child.component);
    uses.set(fold(name), (uses.get(fold(name)) ?? 0) + 1);
    return { child, name };
  });
  for (const { child, name } of encoded) {
    const { component, array, group } = child;
    const crowded = (uses.get(fold(name)) ?? 0) > 1;
    const whole = escapeComponent(component);
    const path = prefix + (crowded ? withSuffix(whole, component) : name);
    const isGroup = group !== null || child.children.size > 0;
    if (array !== null) {
      arrays.set(array, isGroup ? prefix + withSuffix(whole, component, crowded) : path);
    }
    if (group !== null) groups.set(group, path);
    place(child, `${path}/`, arrays, groups);
  }
}
