/**
 * The command that is run.
 *
 * In: its words, a folder, an environment. Out: how it ended, as a shell counts: its exit code, 128 and the number of
 * the signal that ended it, 127 when there is no such program, 126 when it cannot be executed. It has our standard
 * streams and gets the signals that we get. No shell is involved.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ThetaError } from '../../errors';

/** How a command ended. */
export interface Ending {
  readonly exitCode: number;
  /** The signal that ended it. */
  readonly signal: NodeJS.Signals | null;
  /** Why it was not started. */
  readonly notStarted: string | null;
}

/** A command that runs. */
export interface Child {
  readonly ended: Promise<Ending>;
  /** Hands a signal on. */
  kill(signal: NodeJS.Signals): void;
}

/** What a shell exits with. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** @throws ThetaError `ERR_THETA_USAGE` for words that are no command: none, or with a NUL character. */
export function assertCommand(command: readonly string[]): void {
  if (command[0] && !command.some((word) => word.includes('\0'))) return;
  throw new ThetaError('ERR_THETA_USAGE', 'there is no command to run', {
    hint: 'Put it behind `--`: git theta provenance run -- python train.py',
  });
}

/** Starts a command. */
export function start(
  command: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Child {
  const [program = '', ...args] = command;
  let failed = (_: NodeJS.ErrnoException) => {};
  const failure = new Promise<Ending>((resolve) => {
    failed = ({ code, message }) =>
      resolve({
        exitCode: code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE,
        signal: null,
        notStarted: code === 'ENOENT' ? 'no such program' : message,
      });
  });
  try {
    const child = spawn(program, args, { cwd, env, stdio: 'inherit' });
    child.on('error', (error) => {
      // A signal that cannot be sent is an `error` of a child that runs, too.
      if (child.pid === undefined) failed(error);
    });
    const exited = new Promise<Ending>((resolve) => {
      child.on('exit', (code, signal) => {
        const exitCode = signal === null ? (code ?? 0) : 128 + constants.signals[signal];
        resolve({ exitCode, signal, notStarted: null });
      });
    });
    return {
      ended: Promise.race([exited, failure]),
      kill: (signal) => void child.kill(signal),
    };
  } catch (error) {
    // Arguments that are too long, on some systems.
    failed(error as NodeJS.ErrnoException);
    return { ended: failure, kill: () => {} };
  }
}
