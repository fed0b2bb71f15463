/**
 * A git that keeps running: written to and read from piece by piece.
 *
 * In: arguments; then what is to be written. Out: lines and exact numbers of bytes. Refused: an end of the output where
 * more was expected, with what the child said.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { ThetaError } from '../errors';
import { childEnvironment, gitFailed, notStarted } from './child';
import type { GitOptions } from './run';

/** A long-running git. */
export class GitProcess {
  readonly #args: string[];
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  readonly #chunks: AsyncIterator<Buffer>;
  #failure: ThetaError | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #stderr = '';

  constructor(args: string[], o: Pick<GitOptions, 'cwd' | 'env' | 'signal'> = {}) {
    this.#args = args;
    const child = spawn('git', args, {
      cwd: o.cwd,
      env: childEnvironment(o.env),
      stdio: ['pipe', 'pipe', 'pipe'],
      signal: o.signal,
      windowsHide: true,
    });
    this.#child = child;
    child.stdin.on('error', () => {});
    child.stderr.on('data', (data: Buffer) => {
      // A chatty child must not fill the memory: the end is what explains an exit.
      this.#stderr = (this.#stderr + data.toString()).slice(-65536);
    });
    child.on('error', (error) => {
      this.#failure ??= notStarted(error, o.cwd);
    });
    this.#closed = new Promise((resolve) => {
      child.on('close', (code) => resolve(code));
      child.on('error', () => resolve(null));
    });
    this.#chunks = child.stdout[Symbol.asyncIterator]();
  }

  /** Writes; resolves when the child has taken enough of it. */
  async write(data: string | Uint8Array): Promise<void> {
    const stdin = this.#child.stdin;
    if (!stdin || stdin.destroyed || stdin.write(data)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdin.off('drain', done);
        stdin.off('close', done);
        resolve();
      };
      stdin.on('drain', done);
      stdin.on('close', done);
    });
  }

  /** Closes the child's input. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next().catch(() => ({ done: true, value: undefined }));
    if (next.done || next.value === undefined) return false;
    this.#buffer =
      this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
    return true;
  }

  async #cutOff(): Promise<ThetaError> {
    const code = await this.#closed;
    return this.#failure ?? gitFailed(this.#args, code, this.#stderr);
  }

  /** A line without its newline; null at the end of the output. */
  async readLine(): Promise<string | null> {
    let from = 0;
    for (;;) {
      const end = this.#buffer.indexOf(10, from);
      if (end >= 0) {
        const line = this.#buffer.subarray(0, end).toString();
        this.#buffer = this.#buffer.subarray(end + 1);
        return line;
      }
      from = this.#buffer.length;
      if (await this.#more()) continue;
      if (this.#failure) throw this.#failure;
      if (this.#buffer.length > 0) throw await this.#cutOff();
      return null;
    }
  }

  /** Exactly this many bytes, in memory of their own. */
  async read(bytes: number): Promise<Buffer> {
    const result = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (;;) {
      const taken = this.#buffer.copy(result, at);
      this.#buffer = this.#buffer.subarray(taken);
      at += taken;
      if (at === bytes) return result;
      if (!(await this.#more())) throw await this.#cutOff();
    }
  }

  /** Closes the input, reads what is left and waits for the end. Does not judge the exit code. */
  async end(): Promise<{ code: number | null; stderr: string }> {
    this.#child.stdin?.end();
    this.#buffer = Buffer.alloc(0);
    while (await this.#more()) this.#buffer = Buffer.alloc(0);
    const code = await this.#closed;
    if (this.#failure) throw this.#failure;
    return { code, stderr: this.#stderr };
  }

  /** As {@link end}, and throws on a non-zero exit. */
  async finish(): Promise<void> {
    const { code, stderr } = await this.end();
    if (code !== 0) throw gitFailed(this.#args, code, stderr);
  }

  /** Ends the child at once. */
  kill(): void {
    this.#child.kill();
  }

  /** An error about something unexpected in the output. */
  protocolError(what: string): ThetaError {
    return new ThetaError('ERR_THETA_PROTOCOL', `${what} from git ${this.#args.join(' ')}`);
  }
}
