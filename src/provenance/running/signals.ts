/**
 * Signals to us while a command runs.
 *
 * In: what to do with a signal. Out: a function that stops listening. While it listens no signal of those below ends
 * this process: the command decides what a signal means, and its checkpoints are stamped afterwards.
 */
import { isatty } from 'node:tty';

const ALWAYS = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** A terminal sends these to all of its foreground processes; twice would be once too often. */
const OF_TERMINAL = ['SIGINT', 'SIGQUIT'] as const;
const WINDOWS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Whom a signal has reached. */
export type Reached = 'us' | 'both';

/** Listens until the returned function is called. */
export function listen(take: (signal: NodeJS.Signals, reached: Reached) => void): () => void {
  // Not `process.stdin`: opening it would make the command's standard input non-blocking.
  const terminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  const listeners = [...ALWAYS, ...OF_TERMINAL]
    .filter((name) => process.platform !== 'win32' || WINDOWS.includes(name))
    .map((name) => {
      const both = terminal && (OF_TERMINAL as readonly string[]).includes(name);
      return [name, () => take(name, both ? 'both' : 'us')] as const;
    });
  for (const [name, listener] of listeners) process.on(name, listener);
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}
