/**
 * Questions to git about one work tree.
 *
 * In: arguments, and what is written to git. Out: git's answer with one character for each byte (`latin1`), since names
 * of files need not be UTF-8. The variables of the hook or filter that started us are kept from git, it takes no locks,
 * asks nobody, and speaks English.
 */
import type { Environment } from '../../git/environment';
import { git } from '../../git/run';

/** What git wrote; `text` has one character for each byte. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly stderr: string;
}

export interface Question {
  /** One character for each byte. */
  readonly input?: string;
  /** Hand a non-zero exit code back. */
  readonly mayFail?: boolean;
  /** Added to git's environment. */
  readonly env?: Environment;
}

/** Asks git in one folder. */
export type Ask = (args: readonly string[], question?: Question) => Promise<Answer>;

const ENVIRONMENT = {
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
  GIT_ATTR_SOURCE: undefined,
  GIT_NAMESPACE: undefined,
};

/** Asks git in `folder`. */
export function askIn(folder: string, signal?: AbortSignal): Ask {
  return async (args, { input, mayFail = false, env } = {}) => {
    // A monitor of the file system would be started, or trusted, for one look.
    const all = ['--no-pager', '-c', 'core.fsmonitor=false', ...args];
    const { code, stdout, stderr } = await git(all, {
      cwd: folder,
      env: { ...ENVIRONMENT, ...env },
      input: input === undefined ? undefined : Buffer.from(input, 'latin1'),
      check: !mayFail,
      signal,
      encoding: 'buffer',
    });
    return { code, text: stdout.toString('latin1'), stderr };
  };
}

/** The records that a NUL ends. */
export function records(text: string): string[] {
  return text.split('\0').slice(0, -1);
}

/** A name as text: what is not UTF-8 becomes U+FFFD. */
export function readable(name: string): string {
  return Buffer.from(name, 'latin1').toString();
}

/** The path of a file of the work tree for the file system, byte for byte. */
export function fileOf(top: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${top}/`), Buffer.from(path, 'latin1')]);
}
