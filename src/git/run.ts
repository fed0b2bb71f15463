/**
 * Runs git, never through a shell.
 *
 * In: arguments, input, folder. Out: exit code and output as a whole. Refused: a non-zero exit, unless the caller wants
 * to see it; the error carries git's own words. Children that live longer: process.ts.
 */
import { spawn, spawnSync } from 'node:child_process';
import { childEnvironment, gitFailed, notStarted } from './child';
import type { Environment } from './environment';

export { GitProcess } from './process';

export interface GitOptions {
  /** Folder to run in; the process's own by default. */
  cwd?: string | undefined;
  input?: string | Uint8Array | undefined;
  /** Added to the environment; undefined removes a variable. */
  env?: Environment | undefined;
  /** Throw on a non-zero exit (default), or hand the code back. */
  check?: boolean | undefined;
  /** Ends the child. */
  signal?: AbortSignal | undefined;
}

export interface GitResult<T> {
  code: number;
  stdout: T;
  stderr: string;
}

export function git(
  args: string[],
  o?: GitOptions & { encoding?: 'utf8' },
): Promise<GitResult<string>>;
export function git(
  args: string[],
  o: GitOptions & { encoding: 'buffer' },
): Promise<GitResult<Buffer>>;
/**
 * Runs git and collects what it writes.
 *
 * @throws ThetaError `ERR_THETA_GIT_FAILED` with git's words; `ERR_THETA_NOT_A_REPOSITORY`, `ERR_THETA_GIT_MISSING`,
 *   `ERR_THETA_CANCELLED`.
 */
export function git(
  args: string[],
  o: GitOptions & { encoding?: 'utf8' | 'buffer' } = {},
): Promise<GitResult<string | Buffer>> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      cwd: o.cwd,
      env: childEnvironment(o.env),
      stdio: [o.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      signal: o.signal,
      windowsHide: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (data: Buffer) => out.push(data));
    child.stderr?.on('data', (data: Buffer) => err.push(data));
    child.on('error', (error) => reject(notStarted(error, o.cwd)));
    child.on('close', (code) => {
      const stderr = Buffer.concat(err).toString();
      if (code === null || (code !== 0 && o.check !== false)) {
        reject(gitFailed(args, code, stderr));
        return;
      }
      const stdout = Buffer.concat(out);
      resolve({ code, stdout: o.encoding === 'buffer' ? stdout : stdout.toString(), stderr });
    });
    // A child that ends early closes its input; its exit code says more than EPIPE.
    child.stdin?.on('error', () => {});
    child.stdin?.end(o.input);
  });
}

/** Like {@link git}, blocking; for start-up, where a promise costs more than it gives. */
export function gitSync(args: string[], o: Omit<GitOptions, 'signal'> = {}): GitResult<string> {
  const result = spawnSync('git', args, {
    cwd: o.cwd,
    env: childEnvironment(o.env),
    input: o.input ?? '',
    maxBuffer: 2 ** 31,
    windowsHide: true,
  });
  if (result.error) throw notStarted(result.error, o.cwd);
  const stderr = result.stderr.toString();
  if (result.status === null || (result.status !== 0 && o.check !== false)) {
    throw gitFailed(args, result.status, stderr);
  }
  return { code: result.status, stdout: result.stdout.toString(), stderr };
}
