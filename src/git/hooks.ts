/**
 * Installs and removes hooks, next to what is there already.
 *
 * In: a repository. Out: a report per hook. An existing hook is kept and run first. Refused, and said so in the report:
 * writing to a folder that `core.hooksPath` puts outside the git directory, which belongs to another tool or to the
 * project, and replacing what is not a regular file.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import {
  CHAINED,
  classifyHook,
  HOOKS,
  type HookName,
  type HookState,
  hookLine,
  hookScript,
  replacedHook,
} from './hook-scripts';
import type { Repository } from './repository';

export { HOOKS, type HookName, type HookState, hookLine } from './hook-scripts';

export interface HookReport {
  name: HookName;
  /** Absolute path of the hook. */
  path: string;
  /** What is there now, after the action. */
  state: HookState;
  /** Another hook is kept beside ours and runs first. */
  chained: boolean;
  /** The hook is there, but its line for git-theta was added by hand. */
  wired: boolean;
  /**
   * What was done; `outside`: nothing, for `core.hooksPath` leads out of the git directory; `special`: nothing, for the
   * hook is not a regular file.
   */
  action: 'none' | 'written' | 'removed' | 'restored' | 'outside' | 'special';
  /** The line to add by hand where we do not write. */
  line: string;
}

/** Where git looks for hooks. */
export interface HooksPath {
  /** Absolute. */
  path: string;
  /** In the git directory, so that we may write there. */
  own: boolean;
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** The folder that git takes hooks from: `core.hooksPath`, else `hooks` in the common directory. */
export async function hooksPath(repo: Repository): Promise<HooksPath> {
  const { stdout } = await repo.git(['rev-parse', '--git-path', 'hooks']);
  const path = resolve(repo.workTree || repo.gitDir, stdout.replace(/\n$/, ''));
  const inside = [repo.commonDir, repo.gitDir].some((folder) => {
    const way = relative(real(folder), real(path));
    return (
      way !== '..' &&
      !way.startsWith(`..${sep}`) &&
      resolve(folder, way) !== resolve(folder) &&
      !/^[A-Za-z]:/.test(way)
    );
  });
  return { path, own: inside };
}

/** The text of a hook; null where there is none, undefined where it is not a regular file. */
function readHook(path: string): string | null | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return null;
  return found.isFile() ? readFileSync(path, 'latin1') : undefined;
}

function report(
  folder: HooksPath,
  name: HookName,
  action: HookReport['action'] = 'none',
): HookReport {
  const path = join(folder.path, name);
  const text = readHook(path);
  const state =
    text === null ? 'absent' : text === undefined ? 'foreign' : classifyHook(name, text);
  const chained = lstatSync(path + CHAINED, { throwIfNoEntry: false }) !== undefined;
  const wired = state === 'ours' || (typeof text === 'string' && calls(name, text));
  return { name, path, state, chained, wired, action, line: hookLine(name) };
}

/** Whether some line of a hook that is not ours, and not a comment, calls our command. */
function calls(name: HookName, text: string): boolean {
  return text
    .split('\n')
    .some((line) => new RegExp(`^[^#]*\\bgit[ -]theta hook ${name}\\b`).test(line));
}

function writeHook(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, 'latin1');
  chmodSync(temporary, 0o755);
  renameSync(temporary, path);
}

function install(folder: HooksPath, name: HookName): HookReport {
  const path = join(folder.path, name);
  const text = readHook(path);
  if (text === undefined) return report(folder, name, 'special');
  const state = text === null ? 'absent' : classifyHook(name, text);
  if (state === 'foreign' && calls(name, text ?? '')) return report(folder, name);
  if (state === 'foreign') {
    if (lstatSync(path + CHAINED, { throwIfNoEntry: false }))
      return report(folder, name, 'special');
    renameSync(path, path + CHAINED);
  }
  const script = hookScript(name, state === 'lfs' ? text : replacedHook(text ?? ''));
  const executable = state === 'ours' && (lstatSync(path).mode & 0o100) !== 0;
  if (executable || (state === 'ours' && process.platform === 'win32')) return report(folder, name);
  writeHook(path, script);
  return report(folder, name, 'written');
}

/** Installs our hooks; doing it again changes nothing. */
export async function installHooks(repo: Repository): Promise<HookReport[]> {
  const folder = await hooksPath(repo);
  if (!folder.own) return HOOKS.map((name) => report(folder, name, 'outside'));
  mkdirSync(folder.path, { recursive: true });
  return HOOKS.map((name) => install(folder, name));
}

function uninstall(folder: HooksPath, name: HookName): HookReport {
  const path = join(folder.path, name);
  const text = readHook(path);
  if (typeof text !== 'string') return report(folder, name);
  const state = classifyHook(name, text);
  if (state !== 'ours' && state !== 'outdated') return report(folder, name);
  if (lstatSync(path + CHAINED, { throwIfNoEntry: false })) {
    renameSync(path + CHAINED, path);
    return report(folder, name, 'restored');
  }
  const replaced = replacedHook(text);
  if (replaced !== null) {
    writeHook(path, replaced);
    return report(folder, name, 'restored');
  }
  rmSync(path);
  return report(folder, name, 'removed');
}

/** Removes our hooks and brings back what was there before them. */
export async function uninstallHooks(repo: Repository): Promise<HookReport[]> {
  const folder = await hooksPath(repo);
  if (!folder.own) return HOOKS.map((name) => report(folder, name, 'outside'));
  return HOOKS.map((name) => uninstall(folder, name));
}

/** What is there, without a change. */
export async function inspectHooks(repo: Repository): Promise<HookReport[]> {
  const folder = await hooksPath(repo);
  return HOOKS.map((name) => report(folder, name, folder.own ? 'none' : 'outside'));
}

/** Whether git will run this hook and our command in it. */
export async function isHookWired(repo: Repository, name: HookName): Promise<boolean> {
  const found = report(await hooksPath(repo), name);
  if (!found.wired || process.platform === 'win32') return found.wired;
  return (lstatSync(found.path).mode & 0o111) !== 0;
}
