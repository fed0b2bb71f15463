/** One finding of `git theta doctor`: what was looked at, how it is, and what repairs it. */

/** `fail`: git-theta does not work, or data is at risk. `warn`: it works, but not as it could. */
export type CheckStatus = 'ok' | 'warn' | 'fail';

/** The result of one check. */
export interface Check {
  /** Stable and short, for scripts. */
  readonly id: string;
  readonly status: CheckStatus;
  /** What was found, in one sentence. */
  readonly message: string;
  /** The command that repairs it, or the line to add. */
  readonly fix?: string;
}

/** A good finding. */
export function ok(id: string, message: string): Check {
  return { id, status: 'ok', message };
}

/** A doubtful finding. */
export function warning(id: string, message: string, fix?: string): Check {
  return { id, status: 'warn', message, ...(fix !== undefined && { fix }) };
}

/** A bad finding. */
export function failure(id: string, message: string, fix?: string): Check {
  return { id, status: 'fail', message, ...(fix !== undefined && { fix }) };
}

/** A list for a sentence: at most three names, then how many more. */
export function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
