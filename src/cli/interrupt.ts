/**
 * Ctrl-C: the first SIGINT or SIGTERM aborts the running command, which cleans up after itself;
 * a second one, or one second without an end, ends the process. No stack trace, exit 128 + signal.
 */
import { constants } from 'node:os';

const GRACE_MS = 1000;

/** The signal to hand to the command, and what has been received so far. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** 130 after SIGINT, 143 after SIGTERM, nothing before. */
  exitCode(): number | undefined;
  /** Stops listening. */
  dispose(): void;
}

/** Starts listening. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let code: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stop = (name: 'SIGINT' | 'SIGTERM') => {
    if (code !== undefined) process.exit(code);
    code = 128 + constants.signals[name];
    controller.abort();
    timer = setTimeout(() => process.exit(code), GRACE_MS).unref();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    exitCode: () => code,
    dispose: () => {
      clearTimeout(timer);
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
