/**
 * What a bug report needs: versions, folders and settings.
 *
 * Left out on purpose: addresses of remotes and servers, and every setting that may hold a secret.
 */
import { arch, platform, release } from 'node:os';
import { isThetaError } from '../errors';
import { Repository } from '../git/repository';
import { effectiveValues } from './installed';
import { findProgram } from './programs';
import { findTools } from './tools';

/** Everything is text, so that it can be pasted. */
export interface Environment {
  readonly versions: Readonly<Record<string, string>>;
  readonly programs: Readonly<Record<string, string>>;
  /** Empty outside a repository. */
  readonly repository: Readonly<Record<string, string>>;
  readonly configuration: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
}

const SETTINGS =
  '^(filter\\.(lfs|theta)|merge\\.(theta|theta-store)|theta|alias\\.theta|color|core\\.(hookspath|autocrlf|fsmonitor|untrackedcache|longpaths)|lfs\\.(storage|fetchinclude|fetchexclude|concurrenttransfers))(\\.|$)';
const VARIABLES =
  /^(GIT_THETA_\w+|GIT_LFS_(SKIP_SMUDGE|PROGRESS)|GIT_DIR|GIT_WORK_TREE|GIT_INDEX_FILE|NO_COLOR|FORCE_COLOR)$/;
const MISSING = 'not found';

async function repositoryFacts(): Promise<Record<string, string>> {
  try {
    const repo = await Repository.discover(undefined, { bare: true });
    return {
      workTree: repo.isBare ? 'none (bare)' : repo.workTree,
      gitDir: repo.gitDir,
      commonDir: repo.commonDir,
      objectFormat: repo.objectFormat,
      lfsDir: repo.lfsDir,
    };
  } catch (error) {
    if (isThetaError(error)) return {};
    throw error;
  }
}

/** Collects it. `version` is that of git-theta. */
export async function collectEnvironment(version: string): Promise<Environment> {
  const tools = await findTools();
  const versions: Record<string, string> = { 'git-theta': version };
  for (const tool of tools) versions[tool.name] = tool.version ?? MISSING;
  versions.system = `${platform()} ${arch()} ${release()}`;

  const programs: Record<string, string> = {};
  const configuration: Record<string, string> = {};
  let repository: Record<string, string> = {};
  if (tools.some(({ name, version: found }) => name === 'git' && found)) {
    for (const name of ['git-theta', 'git-theta-filter', 'git-lfs']) {
      programs[name] = (await findProgram(name)) ?? MISSING;
    }
    repository = await repositoryFacts();
    for (const [key, { value, scope }] of await effectiveValues(SETTINGS)) {
      configuration[key] = `${value} (${scope})`;
    }
  }
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (VARIABLES.test(name) && value !== undefined) variables[name] = value;
  }
  return { versions, programs, repository, configuration, variables };
}
