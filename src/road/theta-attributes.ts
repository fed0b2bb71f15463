/**
 * Which paths of a piece of history may be models, whatever the attributes say today.
 *
 * In: revisions, and the paths that changed in them. Out: those paths that any `.gitattributes`
 * of that history gives `filter=theta`. Too many rather than too few: lines that take the
 * attribute away again are ignored, and the blobs decide in the end.
 *
 * git itself matches the patterns: all lines are put, anchored at the folder of their file, into
 * the `info/attributes` of an empty repository.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFile } from '../failure';
import { AttributeFile, printPattern } from '../git/attribute-file';
import { isTracked } from '../git/attributes';
import { catFiles } from '../git/objects';
import type { Repository } from '../git/repository';
import { git } from '../git/run';

/** A version of an attributes file: its folder (`''` or `a/b/`) and its blob. */
export interface AttributesBlob {
  readonly folder: string;
  readonly oid: string;
}

/** The paths that some line, or the present set-up, gives to git-theta. */
export async function possibleModels(
  repo: Repository,
  paths: readonly string[],
  blobs: readonly AttributesBlob[],
): Promise<Set<string>> {
  const found = new Set<string>();
  if (paths.length === 0) return found;
  for (const [path, tracked] of await isTracked(repo, [...paths])) if (tracked) found.add(path);
  const lines = await thetaLines(repo, blobs);
  if (lines.length === 0) return found;

  const folder = mkdtempSync(join(repo.scratch(), 'git-theta-attributes-'));
  try {
    for (const name of ['refs', 'objects', 'info', 'empty']) mkdirSync(join(folder, name));
    writeFile(join(folder, 'HEAD'), 'ref: refs/heads/none\n');
    writeFile(join(folder, 'config'), '[core]\n\trepositoryformatversion = 0\n\tbare = false\n');
    writeFile(join(folder, 'info', 'attributes'), lines.join(''));
    const { stdout } = await git(['check-attr', '-z', '--stdin', 'filter'], {
      cwd: join(folder, 'empty'),
      input: paths.map((path) => `${path}\0`).join(''),
      env: {
        GIT_DIR: folder,
        GIT_WORK_TREE: join(folder, 'empty'),
        GIT_INDEX_FILE: join(folder, 'index'),
        GIT_COMMON_DIR: undefined,
        GIT_OBJECT_DIRECTORY: undefined,
        GIT_ATTR_SOURCE: undefined,
      },
    });
    const fields = stdout.split('\0');
    for (let i = 0; i + 2 < fields.length; i += 3) {
      if (fields[i + 2] === 'theta') found.add(fields[i] as string);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

/** The lines with `filter=theta`, their patterns anchored at the root of the work tree. */
async function thetaLines(repo: Repository, blobs: readonly AttributesBlob[]): Promise<string[]> {
  const lines = new Set<string>();
  let next = 0;
  for await (const { content } of catFiles(
    repo,
    blobs.map(({ oid }) => oid),
  )) {
    const folder = blobs[next++]?.folder ?? '';
    for (const { pattern, attributes } of AttributeFile.parse(content).rules()) {
      if (!attributes.includes('filter=theta')) continue;
      lines.add(`${printPattern(anchored(folder, pattern))} filter=theta\n`);
    }
  }
  return [...lines];
}

/** A pattern without a slash matches at any depth below its file; others start at its folder. */
function anchored(folder: string, pattern: string): string {
  if (folder === '') return pattern;
  const escaped = folder.replace(/[\\*?[]/g, '\\$&');
  const local = pattern.startsWith('/') ? pattern.slice(1) : pattern;
  return pattern.includes('/') ? `/${escaped}${local}` : `/${escaped}**/${local}`;
}
