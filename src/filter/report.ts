/**
 * Errors of the filter for people: git passes its filters' standard error through.
 *
 * In: anything thrown. Out: `error:` and `hint:` lines in git's own form. The command line has a
 * richer printer; this one starts without it.
 */
import { isThetaError } from '../errors';
import { describeFailure } from '../failure';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** The lines, each with its end. With `GIT_THETA_TRACE` set, the stack too. */
export function describe(error: unknown): string {
  const { message, hint } = describeFailure(error);
  const { stack } = (error ?? {}) as { stack?: string };
  const lines = [`error: ${safe(message).replaceAll('\n', '\n       ')}`];
  for (const line of hint ? safe(hint).split('\n') : []) lines.push(`hint: ${line}`);
  if (process.env.GIT_THETA_TRACE && stack) lines.push(safe(stack));
  return `${lines.join('\n')}\n`;
}

function safe(text: string): string {
  return text.replace(CONTROL, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Whether git can go on with other files: the error is one that we foresaw. */
export function foreseen(error: unknown): boolean {
  return isThetaError(error) && error.code !== 'ERR_THETA_INTERNAL';
}
