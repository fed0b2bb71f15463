/**
 * How git starts our programs: by their bare names, or by absolute paths.
 *
 * The bare name is portable: the same configuration works on every machine that has git-theta on
 * its PATH. Absolute paths are for installations that are not on it.
 */
import { realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { git } from '../git/run';

/** Our programs. */
export type Program = 'git-theta' | 'git-theta-filter';

/** The folder of the package that this code belongs to. */
const PACKAGE_ROOT = join(__dirname, '..', '..');

/** The script of a program. */
export function programScript(program: Program): string {
  return join(PACKAGE_ROOT, 'bin', `${program}.js`);
}

/** A word for the shell that git runs commands with, on every platform. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The words that start a program: its name, or node and the script with forward slashes. */
export function programCommand(program: Program, absolute: boolean): string {
  if (!absolute) return program;
  const slashes = (path: string) => (sep === '\\' ? path.replaceAll(sep, '/') : path);
  return [process.execPath, programScript(program)].map((p) => shellQuote(slashes(p))).join(' ');
}

/**
 * Where the shell that git runs commands with finds a program; nothing when it does not. git
 * itself is asked, because its PATH and its shell are not always those of this process.
 */
export async function findProgram(program: string, cwd?: string): Promise<string | undefined> {
  const alias = `alias.theta-find=!command -v ${program}`;
  const { code, stdout } = await git(['-c', alias, 'theta-find'], {
    check: false,
    ...(cwd !== undefined && { cwd }),
  });
  const found = stdout.trim();
  return code === 0 && found !== '' ? found : undefined;
}

/**
 * Whether a program that was found will be there in other shells too. npm and npx put the `.bin`
 * folders of a project or of their cache on the PATH of what they start, and nowhere else.
 */
export function isLasting(found: string): boolean {
  const folders = found.split(/[\\/]/);
  return !(folders.includes('.bin') && folders.includes('node_modules'));
}

/** Whether a program that was found is the one of this package. Unknown on Windows: shims. */
export function isThisPackage(found: string, program: Program): boolean {
  if (process.platform === 'win32') return true;
  try {
    return realpathSync(found) === realpathSync(programScript(program));
  } catch {
    return false;
  }
}
