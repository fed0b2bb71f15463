/** The programs that git-theta needs, and the oldest versions it works with. */
import { ThetaError } from '../errors';
import { OLDEST_GIT } from '../git/repository';
import { git } from '../git/run';
import { isAtLeast, parseVersion } from '../git/version';
import { OLDEST_LFS } from '../lfs/version';

/** A program with what was found of it. */
export interface Tool {
  readonly name: 'node' | 'git' | 'git-lfs';
  /** `2.47.3`, or nothing when the program is missing or does not say. */
  readonly version?: string;
  readonly minimum: string;
  readonly ok: boolean;
}

const MINIMUM = { node: '20.17', git: OLDEST_GIT, 'git-lfs': OLDEST_LFS } as const;

function tool(name: Tool['name'], text: string): Tool {
  const version = parseVersion(text);
  const minimum = MINIMUM[name];
  const [major = 0, minor = 0] = minimum.split('.').map(Number);
  if (!version) return { name, minimum, ok: false };
  return { name, minimum, version: version.text, ok: isAtLeast(version, major, minor) };
}

/** What `args` prints, or the empty text when it cannot be run. */
async function output(args: string[]): Promise<string> {
  try {
    const { code, stdout } = await git(args, { check: false });
    return code === 0 ? stdout : '';
  } catch {
    return '';
  }
}

/** The three programs. Never throws. */
export async function findTools(): Promise<Tool[]> {
  const [gitText, lfsText] = await Promise.all([output(['version']), output(['lfs', 'version'])]);
  return [tool('node', process.versions.node), tool('git', gitText), tool('git-lfs', lfsText)];
}

/** How to get a program, for hints. */
export function toolHint(name: Tool['name']): string {
  if (name !== 'git-lfs') return `Install ${name} ${MINIMUM[name]} or newer.`;
  const command =
    process.platform === 'darwin'
      ? 'brew install git-lfs'
      : process.platform === 'win32'
        ? 'winget install GitHub.GitLFS'
        : 'apt-get install git-lfs (or the same package of your system)';
  return `Install Git LFS ${MINIMUM[name]} or newer: ${command}`;
}

/** Throws unless git and Git LFS are there and new enough. */
export async function requireTools(): Promise<void> {
  for (const { name, version, minimum, ok } of await findTools()) {
    if (ok || name === 'node') continue;
    const family = name === 'git' ? 'GIT' : 'LFS';
    throw version
      ? new ThetaError(
          `ERR_THETA_${family}_TOO_OLD`,
          `${name} ${version} is too old; git-theta needs ${minimum} or newer`,
          { hint: toolHint(name) },
        )
      : new ThetaError(`ERR_THETA_${family}_MISSING`, `${name} was not found`, {
          hint: toolHint(name),
        });
  }
}
