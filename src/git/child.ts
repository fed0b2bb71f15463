/**
 * What every child of ours has in common: its environment, and what its failures are called.
 */
import { type ErrorCode, ThetaError } from '../errors';
import { cleanEnvironment, type Environment } from './environment';

/** The environment of a child: the caller's, without repository variables, and what is asked for. */
export function childEnvironment(added: Environment | undefined): NodeJS.ProcessEnv {
  const result: Environment = { ...cleanEnvironment(), ...added };
  for (const key in result) if (result[key] === undefined) delete result[key];
  return result;
}

/** What git said, without its prefixes: the first error, or all there is. */
function message(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^(fatal|error): /.test(line));
  // After its first line git explains a lock at length.
  const telling = errors.some((line) => line.includes("index.lock'")) ? errors.slice(0, 1) : errors;
  return (telling.length > 0 ? telling : lines)
    .map((line) => line.replace(/^(fatal|error): /, ''))
    .join('; ');
}

/** The command without configuration and options: `update-index` of `-c a.b=c update-index -z`. */
function subcommand(args: readonly string[]): string {
  let at = 0;
  while (args[at]?.startsWith('-')) at += args[at] === '-c' || args[at] === '-C' ? 2 : 1;
  const command = args[at] ?? '';
  return command === 'lfs' ? `lfs ${args[at + 1] ?? ''}`.trim() : command;
}

/** What of the system's refusals git reports in its own words. */
function kind(stderr: string): ErrorCode {
  if (/no space left|out of diskspace|disk quota exceeded/i.test(stderr)) {
    return 'ERR_THETA_DISK_FULL';
  }
  if (/permission denied|insufficient permission|read-only file system/i.test(stderr))
    return 'ERR_THETA_PERMISSION';
  return 'ERR_THETA_GIT_FAILED';
}

/** The error of a git that exited with `code`. */
export function gitFailed(
  args: readonly string[],
  code: number | null,
  stderr: string,
): ThetaError {
  const said = message(stderr);
  if (/dubious ownership/.test(stderr)) {
    const advice = /^\s*(git config --global --add safe\.directory .*)$/m.exec(stderr)?.[1];
    const text = said.split('; ')[0] ?? said;
    return new ThetaError('ERR_THETA_GIT_FAILED', text, {
      rule: 'safe.directory',
      hint: advice ? `if you trust this repository, run: ${advice}` : undefined,
    });
  }
  if (/not a git repository/i.test(stderr)) {
    return new ThetaError('ERR_THETA_NOT_A_REPOSITORY', 'not in a git repository');
  }
  const what = `git ${subcommand(args)} failed`;
  const why = said || (code === null ? 'it was ended by a signal' : `exit code ${code}`);
  const locked = /index\.lock': File exists/.test(stderr);
  // Git's advice, or that of a filter below it.
  const advice = [...stderr.matchAll(/^hint: (.*)$/gm)].map(([, line]) => line).join('\n');
  return new ThetaError(kind(stderr), `${what}: ${why}`, {
    hint: locked
      ? 'Another git is at work here: try again when it has ended. If it was killed, remove the file.'
      : advice || undefined,
  });
}

/** The error of a git that could not be started. */
export function notStarted(error: NodeJS.ErrnoException, cwd: string | undefined): ThetaError {
  if (error.name === 'AbortError') {
    return new ThetaError('ERR_THETA_CANCELLED', 'cancelled', { cause: error });
  }
  if (error.code === 'ENOENT') {
    const hint = 'install git, or check that the folder exists';
    const where = cwd === undefined ? '' : ` in '${cwd}'`;
    return new ThetaError('ERR_THETA_GIT_MISSING', `git could not be started${where}`, {
      hint,
      cause: error,
    });
  }
  return new ThetaError('ERR_THETA_GIT_FAILED', `git could not be started: ${error.message}`, {
    cause: error,
  });
}
