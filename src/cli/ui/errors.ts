/**
 * How a failure reaches the user: `error: …` and `hint: …` lines, or one JSON document, and an
 * exit code. A stack trace is shown only with `GIT_THETA_TRACE=1`.
 *
 * | exit code | meaning |
 * |---|---|
 * | 1 | findings, differences, a merge conflict |
 * | 128 | a fatal error |
 * | 129 | wrong usage |
 * | 130 | interrupted |
 */
import { isThetaError } from '../../errors';
import { printJson } from './json';
import { hintLines, labelled, note } from './output';
import { stopProgress } from './progress';

/** What is told about a failure. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly path?: string;
  readonly tensor?: string;
}

/** Exit code of a fatal error. */
export const EXIT_FATAL = 128;
/** Exit code of wrong usage, as git has it. */
export const EXIT_USAGE = 129;
/** Exit code after SIGINT. */
export const EXIT_INTERRUPTED = 130;

const EXIT_CODES: Readonly<Record<string, number>> = {
  ERR_THETA_USAGE: EXIT_USAGE,
  ERR_THETA_CONFLICT: 1,
  ERR_THETA_CANCELLED: EXIT_INTERRUPTED,
};

const SYSTEM: Readonly<Record<string, readonly [code: string, message: string]>> = {
  EACCES: ['ERR_THETA_PERMISSION', 'permission denied'],
  EPERM: ['ERR_THETA_PERMISSION', 'operation not permitted'],
  EROFS: ['ERR_THETA_PERMISSION', 'the file system is read-only'],
  ENOSPC: ['ERR_THETA_DISK_FULL', 'no space left on the disk'],
  EDQUOT: ['ERR_THETA_DISK_FULL', 'the disk quota is used up'],
  ENOENT: ['ERR_THETA_NOT_FOUND', 'no such file or directory'],
};

const DEFECT_HINT = `This is a defect in git-theta. Please report it with the output of 'git theta env'
and of the same command run with GIT_THETA_TRACE=1.`;

/** The code, message and hint of whatever was thrown. */
export function describeFailure(error: unknown): Failure {
  if (isThetaError(error)) {
    const { code, message, hint, path, tensor } = error;
    return {
      code,
      message,
      ...(hint && { hint }),
      ...(path && { path }),
      ...(tensor && { tensor }),
    };
  }
  const thrown = (error ?? {}) as NodeJS.ErrnoException;
  const system = typeof thrown.code === 'string' ? SYSTEM[thrown.code] : undefined;
  if (system && thrown.syscall) {
    const path = thrown.path;
    return {
      code: system[0],
      message: path ? `${path}: ${system[1]}` : `${thrown.syscall}: ${system[1]}`,
      ...(path && { path }),
    };
  }
  const message = error instanceof Error || thrown.message ? thrown.message : String(error);
  return { code: 'ERR_THETA_INTERNAL', message, hint: DEFECT_HINT };
}

/** The exit code that goes with a failure's code. */
export function exitCode(code: string): number {
  return EXIT_CODES[code] ?? EXIT_FATAL;
}

function traceLines(error: unknown): string[] {
  const lines: string[] = [];
  for (let at: unknown = error; at; at = (at as { cause?: unknown }).cause) {
    lines.push((at as Error).stack ?? String(at));
    if (lines.length > 10) break;
  }
  return lines;
}

/** Reports a failure and returns the exit code. */
export function fail(error: unknown, options: { json?: boolean } = {}): number {
  stopProgress();
  const failure = describeFailure(error);
  if (options.json) {
    printJson({ error: failure });
  } else {
    note(labelled('error', failure.message));
    if (failure.hint) note(hintLines(failure.hint));
  }
  const trace = process.env.GIT_THETA_TRACE;
  if (trace && trace !== '0') for (const line of traceLines(error)) note(line);
  return exitCode(failure.code);
}
