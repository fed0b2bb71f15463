/**
 * Runs git where the content of some work-tree files is known, so that git records their stat data without reading them.
 *
 * In: paths with their manifest texts; the files are in the work tree already. Out: an environment for git commands that
 * change the index. The cost does not depend on the files' sizes.
 *
 * git records stat data only together with content it has cleaned itself, and whenever it writes the index it cleans
 * again every file that is as new as the index was. `update-index --refresh` does not help (an entry whose recorded size
 * differs is reported as modified without a comparison), and an emptied `filter.theta.process` makes a required filter
 * fail. So git is run with a GIT_DIR of its own: the index, the objects and the work tree are the repository's, the
 * attributes and the filter are ours, and the filter prints the known manifest and ignores its input. git stops writing
 * to it after one pipe buffer.
 *
 * Refused: nothing. The caller vouches for the content, and compares the files' stat data from before it read them with
 * those after the command.
 */
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFile } from '../failure';
import type { Repository } from '../git/repository';
import { STORE_FOLDER } from './paths';

/** A file in the work tree and the manifest it is known to have. */
export interface KnownFile {
  /** Repository-relative, `/`-separated. */
  readonly path: string;
  readonly manifest: string;
}

/** An own name: `filter.theta` of the user's global configuration must not reach these commands. */
const DRIVER = 'theta-known';

/** Whoever handles the store's files otherwise: what is asked here is asked of Git LFS, or of who takes its place. */
const STORE_RULES = `/${STORE_FOLDER}/** filter=lfs -text\n/${STORE_FOLDER}/.gitattributes !filter !text\n`;

/** Settings that decide how git reads the file system and names objects. */
const COPIED =
  '^(core\\.(filemode|symlinks|ignorecase|precomposeunicode|trustctime|checkstat)|extensions\\.(objectformat|compatobjectformat))$';

/** What a command runs with. */
export interface KnownFilesOptions {
  indexFile?: string | undefined;
  /** More settings, as key and value. */
  settings?: readonly (readonly [string, string])[];
}

/** Calls `body` with the environment; the folder behind it is gone afterwards. */
export async function withKnownFiles<T>(
  repo: Repository,
  files: readonly KnownFile[],
  options: KnownFilesOptions,
  body: (env: NodeJS.ProcessEnv, folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(repo.temp(), 'known-'));
  try {
    await prepare(repo, folder, files, options.settings ?? []);
    const env = {
      GIT_DIR: folder,
      GIT_WORK_TREE: repo.workTree,
      GIT_INDEX_FILE: options.indexFile ?? join(repo.gitDir, 'index'),
      GIT_OBJECT_DIRECTORY: join(repo.commonDir, 'objects'),
      GIT_COMMON_DIR: undefined,
      GIT_CONFIG_PARAMETERS: undefined,
      GIT_CONFIG_COUNT: undefined,
      GIT_ATTR_SOURCE: undefined,
    };
    return await body(env, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fills the folder with what git takes for a repository, and with the manifests. */
async function prepare(
  repo: Repository,
  folder: string,
  files: readonly KnownFile[],
  settings: readonly (readonly [string, string])[],
) {
  mkdirSync(join(folder, 'refs'));
  mkdirSync(join(folder, 'info'));
  writeFile(join(folder, 'HEAD'), 'ref: refs/heads/none\n');
  writeFile(join(folder, 'config'), await configuration(repo, folder, settings));
  writeFile(
    join(folder, 'info', 'attributes'),
    STORE_RULES.concat(
      ...files.map(
        ({ path }) =>
          `${attributePattern(path)} filter=${DRIVER} -text -ident !working-tree-encoding\n`,
      ),
    ),
  );
  for (const { path, manifest } of files) {
    const target = join(folder, 'manifests', path);
    mkdirSync(dirname(target), { recursive: true });
    writeFile(target, manifest);
  }
  // A split index is read from the git directory beside it.
  for (const name of readdirSync(repo.gitDir)) {
    if (name.startsWith('sharedindex.')) linkSync(join(repo.gitDir, name), join(folder, name));
  }
}

async function configuration(
  repo: Repository,
  folder: string,
  settings: readonly (readonly [string, string])[],
): Promise<string> {
  const manifests = join(folder, 'manifests').replaceAll('\\', '/').replaceAll("'", "'\\''");
  const lines: (readonly [string, string])[] = [
    ['core.repositoryformatversion', '1'],
    ['core.bare', 'false'],
    ['core.fsmonitor', 'false'],
    ['core.hookspath', '/dev/null'],
    ['core.splitindex', 'false'],
    // git may look again at files that are as new as the index, through Git LFS.
    ['lfs.storage', repo.lfsDir.replaceAll('\\', '/')],
    [`filter.${DRIVER}.clean`, `cat '${manifests}/'%f`],
    // Only a required filter is fed in a stream; any other has the file read into memory first.
    [`filter.${DRIVER}.required`, 'true'],
    // A checkpoint that is not known counts as modified here, and is looked at properly later.
    ['filter.theta.process', ''],
    ['filter.theta.clean', ''],
    ['filter.theta.required', 'false'],
    ...settings,
  ];
  const { stdout } = await repo.git(['config', '-z', '--get-regexp', COPIED], { check: false });
  for (const entry of stdout.split('\0')) {
    const end = entry.indexOf('\n');
    if (end > 0) lines.push([entry.slice(0, end), entry.slice(end + 1)]);
  }
  return lines.map(([key, value]) => configLine(key, value)).join('');
}

/** One setting as a section of its own, quoted the way git-config(1) reads it. */
function configLine(key: string, value: string): string {
  const first = key.indexOf('.');
  const last = key.lastIndexOf('.');
  const section =
    first === last ? key.slice(0, first) : `${key.slice(0, first)} "${key.slice(first + 1, last)}"`;
  const quoted = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `[${section}]\n\t${key.slice(last + 1)} = "${quoted}"\n`;
}

/** A gitattributes pattern that matches exactly this path: anchored, globs escaped, quoted. */
export function attributePattern(path: string): string {
  const literal = `/${path}`.replace(/[\\*?[]/g, '\\$&');
  const quoted = literal.replace(/["\\]/g, '\\$&').replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: git quotes them as octal numbers
    /[\u0000-\u001f\u007f]/g,
    (unit) => `\\${unit.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return `"${quoted}"`;
}
