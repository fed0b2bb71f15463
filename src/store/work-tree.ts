/**
 * Store files in the work tree: linked or copied from the objects, and removed.
 *
 * In: files and where their objects are. Out: read-only files with an object's bytes. Refused: a symbolic link on the
 * way, which would lead out of the work tree. A file that a user edited is replaced: the store is derived.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ThetaError } from '../errors';

/** How files come about: `theta.storeLink`. */
export type LinkMode = 'auto' | 'hard' | 'reflink' | 'copy';

/** Seconds before now that a file's time is set to: git trusts no file that is as new as its index. */
const PAST = 3;

const READ_ONLY = 0o444;

/** What a call says when another process made or removed a file or folder since we looked. */
const RACED = new Set(['EEXIST', 'ENOENT', 'ENOTEMPTY']);

/** How often a path is looked at before what another process does there is an error. */
const TRIES = 10;

/** Reads `theta.storeLink`. */
export function parseLinkMode(value: string | null): LinkMode {
  if (value === null) return 'auto';
  if (value === 'auto' || value === 'hard' || value === 'reflink' || value === 'copy') return value;
  throw new ThetaError('ERR_THETA_USAGE', `theta.storeLink is '${value}'`, {
    hint: 'it can be auto, hard, reflink or copy',
  });
}

/** @throws ThetaError `ERR_THETA_CONFLICT` when a path is a symbolic link. */
export function refuseLink(path: string): void {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  throw new ThetaError('ERR_THETA_CONFLICT', `'${path}' is a symbolic link`, {
    path,
    hint: 'store files are not written through links; remove it',
  });
}

function isTooNew(stats: Stats): boolean {
  return stats.mtimeMs > Date.now() - PAST * 1000;
}

function backDate(path: string): void {
  const time = Date.now() / 1000 - PAST;
  utimesSync(path, time, time);
}

/** Whether a copy that shares blocks is possible here at all, so that it need not be tried again. */
const IMPOSSIBLE = new Set([
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EINVAL',
  'ENOTTY',
  'EXDEV',
  'EPERM',
]);

/** Writes store files below one work tree. */
export class WorkTreeFiles {
  readonly #root: string;
  readonly #mode: LinkMode;
  readonly #pins: string;
  readonly #folders = new Set<string>();
  #reflinks: boolean;
  linked = 0;
  copied = 0;

  /**
   * @param root - of the work tree.
   * @param pins - folder whose objects may be one file with those of the first store.
   */
  constructor(root: string, mode: LinkMode, pins: string) {
    this.#root = root;
    this.#pins = pins;
    this.#mode = mode;
    this.#reflinks = mode === 'auto' || mode === 'reflink';
  }

  /** Makes the folders of a path, none of them a link. */
  #makeFolder(folder: string): void {
    if (folder === this.#root || this.#folders.has(folder)) return;
    this.#makeFolder(dirname(folder));
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found && !found.isDirectory()) {
      refuseLink(folder);
      unlinkSync(folder);
    }
    if (!found?.isDirectory()) mkdirSync(folder);
    this.#folders.add(folder);
  }

  /** Whether a file of this size is at a path. */
  isThere(path: string, size: number): boolean {
    const found = lstatSync(join(this.#root, path), { throwIfNoEntry: false });
    return found?.isFile() === true && found.size === size;
  }

  /**
   * Puts an object's bytes at a path. Another command that puts or removes files of the same model
   * at the same moment is no reason to fail: the path is looked at again.
   */
  async put(path: string, object: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#put(path, object);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? '';
        if (!RACED.has(code) || tries === TRIES) throw error;
        this.#folders.clear();
      }
    }
  }

  async #put(path: string, object: string): Promise<void> {
    const target = join(this.#root, path);
    this.#makeFolder(dirname(target));
    const there = lstatSync(target, { throwIfNoEntry: false });
    const source = statSync(object);
    if (there && there.ino === source.ino && there.dev === source.dev && there.ino !== 0) return;
    if (there?.isDirectory()) {
      throw new ThetaError('ERR_THETA_CONFLICT', `'${path}' is a folder`, { path });
    }
    if (there) unlinkSync(target);
    if (this.#reflink(object, target) || this.#link(object, target, source)) {
      this.linked++;
      return;
    }
    await copyFile(object, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    this.#finish(target);
    this.copied++;
  }

  #finish(path: string): void {
    backDate(path);
    chmodSync(path, READ_ONLY);
  }

  #reflink(object: string, target: string): boolean {
    if (!this.#reflinks) return false;
    try {
      copyFileSync(object, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    } catch (error) {
      if (!IMPOSSIBLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#reflinks = false;
      return false;
    }
    this.#finish(target);
    return true;
  }

  #link(object: string, target: string, source: Stats): boolean {
    if (this.#mode === 'copy' || this.#mode === 'reflink') return false;
    // A file of another model: to link once more would make git read that one again.
    if (source.nlink > this.#ownNames(object, source)) return false;
    if (isTooNew(source)) backDate(object);
    if ((source.mode & 0o777) !== READ_ONLY) chmodSync(object, READ_ONLY);
    try {
      linkSync(object, target);
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'EMLINK' || IMPOSSIBLE.has(code)) return false;
      throw error;
    }
  }

  /** How many names of an object's file are our own: in the store, and kept until it is pushed. */
  #ownNames(object: string, source: Stats): number {
    if (source.nlink === 1) return 1;
    const oid = object.slice(-64);
    const pin = statSync(join(this.#pins, oid.slice(0, 2), oid.slice(2, 4), oid), {
      throwIfNoEntry: false,
    });
    return pin?.ino === source.ino && pin.dev === source.dev ? 2 : 1;
  }

  /** Removes a file, and the folders that it leaves empty, up to the work tree's root. */
  remove(path: string): void {
    const target = join(this.#root, path);
    if (!this.#isReachable(path)) return;
    try {
      unlinkSync(target);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') throw error;
    }
    for (let folder = dirname(target); folder !== this.#root; folder = dirname(folder)) {
      this.#folders.delete(folder);
      try {
        rmdirSync(folder);
      } catch {
        return;
      }
    }
  }

  /** Whether all folders of a path are folders: what lies behind a link is not ours. */
  #isReachable(path: string): boolean {
    let folder = this.#root;
    for (const part of path.split('/').slice(0, -1)) {
      folder = join(folder, part);
      if (this.#folders.has(folder)) continue;
      if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
    }
    return true;
  }
}
