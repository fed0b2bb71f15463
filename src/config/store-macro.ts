/**
 * The attribute macro that gives store files to our filter, in an attributes file of the user's.
 *
 * In: a scope. Out: the file of that scope, and the macro's line added to it or removed from it. What else stands in the
 * file stays as it is. store/attributes.ts says what the macro is for.
 *
 * Refused: nothing. A scope without a file of attributes (a configuration file of its own, a git that does not say where
 * the system's file is) has no macro: Git LFS handles the store's files there.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { writeFile } from '../failure';
import { type ConfigScope, getConfig } from '../git/config';
import type { Repository } from '../git/repository';
import { git } from '../git/run';
import { STORE_MACRO } from '../store/attributes';

const NAME = STORE_MACRO.split(' ')[0] ?? '';

/** The attributes file of a scope; null where there is none. `repo` is needed for the scopes of a repository. */
export async function macroFile(scope: ConfigScope, repo?: Repository): Promise<string | null> {
  if (typeof scope === 'object') return null;
  if (repo) return join(repo.commonDir, 'info', 'attributes');
  if (scope === 'system') {
    const { code, stdout } = await git(['var', 'GIT_ATTR_SYSTEM'], { check: false });
    return code === 0 ? stdout.trimEnd() : null;
  }
  const configured = await getConfig('core.attributesFile', { scope: 'global', type: 'path' });
  const { HOME, XDG_CONFIG_HOME } = process.env;
  const home = HOME || homedir();
  if (configured) return resolve(home, configured);
  return join(XDG_CONFIG_HOME || join(home, '.config'), 'git', 'attributes');
}

/** The line in a file that defines our macro, or undefined. */
export function macroIn(file: string): string | undefined {
  return linesOf(file).find(isMacro);
}

/** Makes the file define the macro as we do; other definitions of it go. */
export function defineMacro(file: string): void {
  const lines = linesOf(file).filter((line) => !isMacro(line));
  mkdirSync(dirname(file), { recursive: true });
  write(file, [...lines, STORE_MACRO]);
}

/** Removes the macro; the file stays. */
export function removeMacro(file: string): void {
  const lines = linesOf(file).filter((line) => !isMacro(line));
  write(file, lines);
}

function isMacro(line: string): boolean {
  return line.trim().split(/\s+/)[0] === NAME;
}

/** Paths in the file have bytes of any encoding: they are carried through as they are. */
const ENCODING = 'latin1';

function write(file: string, lines: readonly string[]): void {
  writeFile(file, Buffer.from(lines.map((line) => `${line}\n`).join(''), ENCODING));
}

/** The lines of a file, without the ends; none when there is no file. */
function linesOf(file: string): string[] {
  try {
    const lines = readFileSync(file, ENCODING).split('\n');
    return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
