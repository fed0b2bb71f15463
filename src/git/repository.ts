/**
 * One repository: its folders, its configuration, and git run in it.
 *
 * In: a folder in the work tree. Out: absolute paths of work tree, git directory (of a linked work tree: its own),
 * common directory, LFS store, and our own folder. Refused: no repository, a bare one, one that git does not trust.
 */
import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isThetaError, ThetaError } from '../errors';
import { type ConfigType, getConfig } from './config';
import { type Environment, repositoryVariables } from './environment';
import { type GitOptions, type GitResult, git } from './run';
import { isAtLeast, parseVersion, type Version } from './version';

/** Oldest git that this is tested with. */
export const OLDEST_GIT = '2.39';

export interface DiscoverOptions {
  /** Accept a repository without a work tree; `workTree` is then `''`. */
  bare?: boolean;
  /** Where `GIT_DIR` and the like are taken from. */
  env?: Environment;
}

export interface RepositoryGitOptions extends GitOptions {
  /** Another index than the repository's, as git names it to hooks; relative to the work tree. */
  indexFile?: string | undefined;
}

interface Fields {
  workTree: string;
  gitDir: string;
  commonDir: string;
  objectFormat: 'sha1' | 'sha256';
  isBare: boolean;
  cwd: string;
  variables: Environment;
}

export class Repository {
  /** Root of the work tree; `''` in a bare repository. */
  readonly workTree: string;
  /** Git directory of this work tree. */
  readonly gitDir: string;
  /** Git directory that all work trees share. */
  readonly commonDir: string;
  readonly objectFormat: 'sha1' | 'sha256';
  readonly isBare: boolean;
  /** Folder that relative paths of the user start from. */
  readonly cwd: string;
  /** Git LFS's folder; `lfs.storage` is honoured. */
  readonly lfsDir: string;
  /** Git LFS's objects. */
  readonly objectsDir: string;
  /** Our folder in the common directory. */
  readonly thetaDir: string;
  readonly #variables: Environment;

  private constructor(fields: Fields, storage: string | null) {
    this.workTree = fields.workTree;
    this.gitDir = fields.gitDir;
    this.commonDir = fields.commonDir;
    this.objectFormat = fields.objectFormat;
    this.isBare = fields.isBare;
    this.cwd = fields.cwd;
    this.#variables = fields.variables;
    // Git LFS joins a relative path to the common directory and expands nothing.
    this.lfsDir = resolve(this.commonDir, storage || 'lfs');
    this.objectsDir = join(this.lfsDir, 'objects');
    this.thetaDir = join(this.commonDir, 'theta');
  }

  /**
   * The repository that a folder is in.
   *
   * @throws ThetaError `ERR_THETA_NOT_A_REPOSITORY`, `ERR_THETA_BARE_REPOSITORY`, `ERR_THETA_OUTSIDE_WORK_TREE` (in a git
   *   directory), `ERR_THETA_GIT_FAILED` with `rule: 'safe.directory'` for a repository that git does not trust.
   */
  static async discover(cwd = process.cwd(), o: DiscoverOptions = {}): Promise<Repository> {
    const fields = await findRepository(resolve(cwd), repositoryVariables(o.env), o.bare ?? false);
    const env = fields.variables;
    const where = { cwd: fields.workTree || fields.gitDir, env };
    return new Repository(fields, await getConfig('lfs.storage', where));
  }

  /** Where objects may be, in order of preference. Work trees of users are never among them. */
  stores(): string[] {
    return [this.objectsDir, join(this.thetaDir, 'objects')];
  }

  /** A folder for temporary files, made on first use. */
  temp(): string {
    const folder = join(this.thetaDir, 'tmp');
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** A folder for files that only children of ours read: the system's where the repository is read-only. */
  scratch(): string {
    try {
      const folder = this.temp();
      if (isWritable(folder)) return folder;
    } catch {
      // It is not there and cannot be made.
    }
    return tmpdir();
  }

  /** Whether git can store nothing here: neither a blob nor an index. */
  isReadOnly(): boolean {
    const blobs = this.#variables.GIT_OBJECT_DIRECTORY ?? join(this.commonDir, 'objects');
    return !isWritable(this.gitDir) && !isWritable(blobs);
  }

  /**
   * A folder for objects on their way into the store, made on first use: on the file system of the store, which
   * `lfs.storage` may have moved, and not in Git LFS's own folders, which Git LFS clears.
   */
  objectTemp(): string {
    const inside = relative(this.commonDir, this.lfsDir);
    if (inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside))
      return this.temp();
    const folder = join(this.lfsDir, 'theta-tmp');
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /**
   * The path of a file as git names it: from the root of the work tree, with slashes.
   *
   * @param path - as the user gave it, from `from` (by default the folder of discovery).
   * @throws ThetaError `ERR_THETA_OUTSIDE_WORK_TREE`
   */
  relative(path: string, from: string = this.cwd): string {
    const absolute = resolveParent(resolve(from, path));
    const result = relative(this.workTree, absolute);
    if (result === '..' || result.startsWith(`..${sep}`) || isAbsolute(result)) {
      throw new ThetaError('ERR_THETA_OUTSIDE_WORK_TREE', `'${path}' is outside the work tree`, {
        path,
        hint: `The work tree is '${this.workTree}'.`,
      });
    }
    return sep === '/' ? result : result.replaceAll(sep, '/');
  }

  /** The absolute path of a file that git names. */
  absolute(path: string): string {
    return join(this.workTree, path);
  }

  /** Last value of a key in all scopes, or null. */
  config(key: string, type?: ConfigType): Promise<string | null> {
    return getConfig(key, { cwd: this.workTree || this.gitDir, env: this.#variables, type });
  }

  /** Variables for a child that works on this repository. */
  env(o: { indexFile?: string | undefined } = {}): Environment {
    if (o.indexFile === undefined) return { ...this.#variables };
    return { ...this.#variables, GIT_INDEX_FILE: resolve(this.workTree, o.indexFile) };
  }

  #options(o: RepositoryGitOptions): GitOptions {
    const { indexFile, env, ...rest } = o;
    const cwd = this.workTree || this.gitDir;
    return { cwd, ...rest, env: { ...this.env({ indexFile }), ...env } };
  }

  /** Runs git in the root of the work tree, on the repository's own index unless another is named. */
  git(args: string[], o: RepositoryGitOptions = {}): Promise<GitResult<string>> {
    return git(args, this.#options(o));
  }

  /** As {@link git}, with the output as bytes. */
  gitBuffer(args: string[], o: RepositoryGitOptions = {}): Promise<GitResult<Buffer>> {
    return git(args, { ...this.#options(o), encoding: 'buffer' });
  }

  /** The version of git. */
  version(): Promise<Version> {
    return gitVersion();
  }

  /** @throws ThetaError `ERR_THETA_GIT_TOO_OLD` */
  async checkVersion(): Promise<void> {
    const version = await this.version();
    const [major = 0, minor = 0] = OLDEST_GIT.split('.').map(Number);
    if (isAtLeast(version, major, minor)) return;
    throw new ThetaError(
      'ERR_THETA_GIT_TOO_OLD',
      `git ${version.text} is older than ${OLDEST_GIT}`,
      {
        hint: `Install git ${OLDEST_GIT} or newer.`,
      },
    );
  }
}

/** The version of the git that runs. */
export async function gitVersion(): Promise<Version> {
  const { stdout } = await git(['version']);
  const version = parseVersion(stdout);
  if (version) return version;
  throw new ThetaError('ERR_THETA_GIT_FAILED', `unknown version of git: ${stdout.trim()}`);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Resolves links in the folder of a path, not in its last component: a link to a model is a link. */
function resolveParent(path: string): string {
  const parent = dirname(path);
  if (parent === path) return path;
  try {
    return join(realpathSync(parent), path.slice(parent.length).replace(/^[/\\]+/, ''));
  } catch {
    return join(resolveParent(parent), path.slice(parent.length).replace(/^[/\\]+/, ''));
  }
}

function notARepository(path: string): ThetaError {
  return new ThetaError('ERR_THETA_NOT_A_REPOSITORY', `'${path}' is not in a git repository`, {
    path,
    hint: 'Change to a folder of one, or make one with `git init`.',
  });
}

async function findRepository(cwd: string, variables: Environment, bare: boolean): Promise<Fields> {
  const ask = async (...flags: string[]): Promise<string[]> => {
    // In English, for the sake of the two messages that are told apart.
    const env = { ...variables, LC_ALL: 'C' };
    const args = ['rev-parse', '--path-format=absolute', ...flags];
    const { stdout } = await git(args, { cwd, env }).catch((error: unknown) => {
      throw isThetaError(error, 'ERR_THETA_NOT_A_REPOSITORY') ? notARepository(cwd) : error;
    });
    return stdout.replace(/\n$/, '').split('\n');
  };
  const [isBare, inside, format, gitDir = '', commonDir = '', ...more] = await ask(
    '--is-bare-repository',
    '--is-inside-work-tree',
    '--show-object-format',
    '--absolute-git-dir',
    '--git-common-dir',
  );
  const one = async (flag: string): Promise<string> => (await ask(flag)).join('\n');
  const fields = {
    objectFormat: format === 'sha256' ? ('sha256' as const) : ('sha1' as const),
    isBare: isBare === 'true',
    // A newline in a path makes the joint answer ambiguous.
    gitDir: resolve(more.length > 0 ? await one('--absolute-git-dir') : gitDir),
    commonDir: resolve(more.length > 0 ? await one('--git-common-dir') : commonDir),
  };
  const complete = (workTree: string): Fields => {
    const variablesOf = absoluteVariables(fields.gitDir, workTree, variables);
    return { ...fields, workTree, cwd: resolveParent(join(cwd, '.')), variables: variablesOf };
  };
  if (inside === 'true') return complete(resolve(await one('--show-toplevel')));
  if (bare) return complete('');
  if (fields.isBare) {
    const path = fields.gitDir;
    throw new ThetaError('ERR_THETA_BARE_REPOSITORY', `'${path}' is bare: it has no work tree`, {
      path,
      hint: 'Work in a clone of it: `git clone`.',
    });
  }
  // Outside the work tree that GIT_WORK_TREE or core.worktree names, git works from its root.
  const elsewhere = await one('--show-toplevel').catch(() => '');
  if (elsewhere !== '') return complete(resolve(elsewhere));
  const path = cwd;
  throw new ThetaError('ERR_THETA_OUTSIDE_WORK_TREE', `'${path}' is not in a work tree`, {
    path,
    hint: 'It is in the git directory: change to the folder that the checkpoints are in.',
  });
}

/** Commands run in the root of the work tree, so what a caller gave relative to its own folder must not stay so. */
function absoluteVariables(gitDir: string, workTree: string, variables: Environment): Environment {
  const result = { ...variables };
  if (variables.GIT_DIR !== undefined) {
    result.GIT_DIR = gitDir;
    if (workTree) result.GIT_WORK_TREE = workTree;
  } else if (variables.GIT_WORK_TREE !== undefined && workTree) result.GIT_WORK_TREE = workTree;
  for (const key of ['GIT_OBJECT_DIRECTORY', 'GIT_COMMON_DIR'] as const) {
    const value = result[key];
    if (value !== undefined) result[key] = resolve(value);
  }
  return result;
}
