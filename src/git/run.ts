import { ThetaError } from '../errors';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export interface GitOptions {
  cwd?: string;
  input?: string | Uint8Array;
  /** Added to the environment; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** Throw on a non-zero exit (default), or hand the code back. */
  check?: boolean;
  signal?: AbortSignal;
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
export function git(
  _args: string[],
  _o: GitOptions & { encoding?: 'utf8' | 'buffer' } = {},
): Promise<GitResult<never>> {
  return todo();
}
export function gitSync(_args: string[], _o: GitOptions = {}): GitResult<string> {
  return todo();
}
/** A long-running child with exact reads. */
export class GitProcess {
  constructor(_args: string[], _o: Pick<GitOptions, 'cwd' | 'env' | 'signal'> = {}) {
    todo();
  }
  write(_data: string | Uint8Array): Promise<void> {
    return todo();
  }
  /** A line without its end; null at the end. */
  readLine(): Promise<string | null> {
    return todo();
  }
  read(_bytes: number): Promise<Buffer> {
    return todo();
  }
  end(): Promise<{ code: number; stderr: string }> {
    return todo();
  }
  kill(): void {
    todo();
  }
}
