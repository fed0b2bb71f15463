/**
 * How a failure reaches the user: `error: …` and `hint: …` lines, or one JSON document, and an
 * exit code. A stack trace is shown only with `GIT_THETA_TRACE=1`.
 *
 * | exit code | meaning |
 * |---|---|
 * | 1 | findings, differences, a merge conflict |
 * | 3 | no stamp |
 * | 4 | content that is not what was stamped or signed |
 * | 5 | a signature that does not hold, or is not trusted |
 * | 6 | a file or stamp that is damaged or not supported |
 * | 7 | git cannot tell the state of the code |
 * | 8 | refused to write |
 * | 9 | a file that cannot be read or written |
 * | 128 | a fatal error |
 * | 129 | wrong usage |
 * | 130 | interrupted |
 */
import { describeFailure } from '../../failure';
import { printJson } from './json';
import { hintLines, labelled, note } from './output';
import { stopProgress } from './progress';

export { describeFailure, type Failure } from '../../failure';

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
  ERR_THETA_PROVENANCE_NO_STAMP: 3,
  ERR_THETA_PROVENANCE_CONTENT: 4,
  ERR_THETA_PROVENANCE_SIGNATURE: 5,
  ERR_THETA_PROVENANCE_UNSUPPORTED: 6,
  ERR_THETA_PROVENANCE_NO_GIT: 7,
  ERR_THETA_PROVENANCE_REFUSED: 8,
  ERR_THETA_PROVENANCE_IO: 9,
};

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
