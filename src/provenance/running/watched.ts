/**
 * The files that a run may write: checkpoints below a folder.
 *
 * In: a folder and patterns as in `.gitattributes`, or none for the usual endings. Out: the files that are there now.
 * Left out: links, what is no regular file, stamps beside files; and the folders of git, of packages and of virtual
 * environments. What cannot be read is taken as not there. A pattern may lead out of the folder, `/scratch/run/*.pt`.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { namePattern } from '../../api/name-pattern';
import { sidecarOf } from '../stamping/read';

const ENDINGS = ['ckpt', 'pt', 'pth', 'bin', 'safetensors', 'onnx', 'gguf'];
const USUAL = ENDINGS.map((ending) => `*.${ending}`);

const LEFT_OUT = new Set(['.git', '.git_theta', 'node_modules', '.venv', 'venv']);
/** What only a virtual environment has. */
const ENVIRONMENT = ['pyvenv.cfg', 'conda-meta'];
const SIDECAR = sidecarOf('');

/** A file, as it is now. */
export interface WatchedFile {
  readonly path: string;
  /** Equal for two looks at a file that nobody wrote to, also when it was renamed in between. */
  readonly identity: string;
  readonly stats: BigIntStats;
}

type Matcher = (path: string) => boolean;

/** A folder to look into, and what a path below it has to be like. */
export interface Watched {
  readonly root: string;
  readonly matches: readonly Matcher[];
}

/** Whether a file has one of the usual endings. */
export function isUsual(path: string): boolean {
  return ENDINGS.some((ending) => path.endsWith(`.${ending}`));
}

/** The folders and patterns to look at. */
export function watched(dir: string, globs: readonly string[] = []): Watched[] {
  const roots = new Map<string, Matcher[]>();
  for (const glob of globs.length > 0 ? globs : USUAL) {
    const { root, match } = split(glob);
    const whole = resolve(dir, root);
    roots.set(whole, [...(roots.get(whole) ?? []), match]);
  }
  return [...roots].map(([root, matches]) => ({ root, matches }));
}

/** A pattern that leads elsewhere, or begins with `./`, as the folders at its beginning and the rest, from there. */
function split(glob: string): Pick<Watched, 'root'> & { readonly match: Matcher } {
  const whole = glob.replace(/\/$/, '/**');
  if (!/^(\/|\.{1,2}\/|[a-z]:\/)/i.test(whole)) return { root: '.', match: namePattern(whole) };
  const parts = whole.split('/');
  const first = parts.findIndex((part) => /[*?[\\]/.test(part));
  const end = first < 0 ? parts.length - 1 : first;
  // The slash in front keeps a pattern from being compared with the last component alone.
  const matches = namePattern(`/${parts.slice(end).join('/')}`);
  return {
    root: `${parts.slice(0, end).join('/')}/`,
    match: (path) => matches(`/${path}`),
  };
}

/** The files that are there now. */
export async function* look(places: readonly Watched[]): AsyncGenerator<WatchedFile> {
  const seen = new Set<string>();
  for (const { root, matches } of places) {
    for await (const path of walk(root, '')) {
      const whole = join(root, path);
      if (seen.has(whole) || !matches.some((matched) => matched(path))) continue;
      seen.add(whole);
      const stats = await lstat(whole, { bigint: true }).catch(() => null);
      if (stats?.isFile()) yield { path: whole, identity: identityOf(stats), stats };
    }
  }
}

/** What changes when a file is written to. */
export function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(':');
}

/** Paths of regular files below the folder, with slashes. */
async function* walk(root: string, below: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, below), { withFileTypes: true }).catch(() => []);
  if (below !== '' && entries.some(({ name }) => ENVIRONMENT.includes(name))) return;
  for (const entry of entries) {
    const path = `${below}${entry.name}`;
    if (entry.isFile() && !entry.name.endsWith(SIDECAR)) yield path;
    else if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) yield* walk(root, `${path}/`);
  }
}
