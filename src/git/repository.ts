import { ThetaError } from '../errors';
import type { GitOptions, GitResult } from './run';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export interface Version {
  text: string;
  major: number;
  minor: number;
  patch: number;
}
export class Repository {
  readonly workTree!: string;
  readonly gitDir!: string;
  readonly commonDir!: string;
  readonly objectFormat!: 'sha1' | 'sha256';
  readonly isBare!: boolean;
  readonly lfsDir!: string;
  readonly objectsDir!: string;
  readonly thetaDir!: string;
  /** cwd at discovery, absolute. */
  readonly cwd!: string;
  /** `workTree` is '' in a bare repository, which is refused unless `bare: true`. `env` defaults to process.env: GIT_DIR, GIT_WORK_TREE of a hook are honoured. */
  static discover(
    _cwd?: string,
    _o: { bare?: boolean; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Repository> {
    return todo();
  }
  stores(): string[] {
    return todo();
  }
  /** thetaDir/tmp, created. */
  temp(): string {
    return todo();
  }
  /** Repo-relative POSIX path of `path` (taken from cwd at discovery). Throws ERR_THETA_OUTSIDE_WORK_TREE. */
  relative(_path: string, _from?: string): string {
    return todo();
  }
  absolute(_path: string): string {
    return todo();
  }
  config(_key: string, _type?: 'bool' | 'int' | 'path'): Promise<string | null> {
    return todo();
  }
  version(): Promise<Version> {
    return todo();
  }
  checkVersion(): Promise<void> {
    return todo();
  }
  /** git in this repository (work tree as cwd, never the caller's index unless `indexFile`). */
  git(_args: string[], _o?: RepositoryGitOptions): Promise<GitResult<string>> {
    return todo();
  }
  gitBuffer(_args: string[], _o?: RepositoryGitOptions): Promise<GitResult<Buffer>> {
    return todo();
  }
  /** Environment for children of this repository. */
  env(_o: { indexFile?: string | undefined } = {}): Record<string, string | undefined> {
    return todo();
  }
}
export interface RepositoryGitOptions extends GitOptions {
  indexFile?: string | undefined;
}
