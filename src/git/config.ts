/**
 * Git configuration: read, set, removed, in a scope.
 *
 * In: a key such as `filter.theta.clean`. Out: its value as git sees it. Refused: keys and values that git refuses.
 */
import { gitFailed } from './child';
import type { Environment } from './environment';
import { type GitResult, git } from './run';

/** Where a value is read or written. */
export type ConfigScope = 'local' | 'global' | 'system' | 'worktree' | { file: string };

/** How git is to read a value. */
export type ConfigType = 'bool' | 'int' | 'path';

export interface ConfigOptions {
  cwd?: string | undefined;
  env?: Environment | undefined;
  /** All scopes when reading, `local` when writing, by default. */
  scope?: ConfigScope | undefined;
  type?: ConfigType | undefined;
}

function scopeArgs(scope: ConfigScope | undefined): string[] {
  if (scope === undefined) return [];
  return typeof scope === 'string' ? [`--${scope}`] : ['--file', scope.file];
}

async function run(
  args: string[],
  o: ConfigOptions,
  absent: readonly number[],
): Promise<GitResult<string> | null> {
  const type = o.type === undefined ? [] : [`--type=${o.type}`];
  const all = ['config', ...scopeArgs(o.scope), ...type, ...args];
  const result = await git(all, { cwd: o.cwd, env: o.env, check: false });
  if (result.code === 0) return result;
  if (absent.includes(result.code) && !result.stderr.includes('fatal:')) return null;
  throw gitFailed(all, result.code, result.stderr);
}

/** All values of a key, the one that counts last. */
export async function getAllConfig(key: string, o: ConfigOptions = {}): Promise<string[]> {
  const result = await run(['-z', '--get-all', key], o, [1]);
  return result === null ? [] : result.stdout.split('\0').slice(0, -1);
}

/** The value of a key, or null. */
export async function getConfig(key: string, o: ConfigOptions = {}): Promise<string | null> {
  const result = await run(['-z', '--get', key], o, [1]);
  return result === null ? null : result.stdout.replace(/\0$/, '');
}

/** Makes a key have exactly this value. True when something changed. */
export async function setConfig(
  key: string,
  value: string,
  o: ConfigOptions = {},
): Promise<boolean> {
  const scope = o.scope ?? 'local';
  const before = await getAllConfig(key, { ...o, scope, type: undefined });
  if (before.length === 1 && before[0] === value) return false;
  await run(['--replace-all', key, value], { ...o, scope }, []);
  return true;
}

/** Removes all values of a key. True when there was one. */
export async function unsetConfig(key: string, o: ConfigOptions = {}): Promise<boolean> {
  // Exit code 5: there was nothing to remove.
  return (await run(['--unset-all', key], { ...o, scope: o.scope ?? 'local' }, [5])) !== null;
}

/** Removes a section with all its keys. True when there was one. */
export async function removeSection(section: string, o: ConfigOptions = {}): Promise<boolean> {
  const scope = o.scope ?? 'local';
  const pattern = `^${section.replace(/[^A-Za-z0-9]/g, '\\$&')}\\.`;
  const found = await run(['--name-only', '--get-regexp', pattern], { ...o, scope }, [1]);
  if (found === null) return false;
  await run(['--remove-section', section], { ...o, scope }, []);
  return true;
}
