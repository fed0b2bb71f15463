/**
 * A progress line on standard error: bytes, rate, tensors, and how many of them were reused.
 *
 * It appears after half a second, only on a terminal, and leaves nothing behind.
 * `GIT_THETA_PROGRESS=1` asks for it elsewhere too (one line every two seconds),
 * `GIT_THETA_PROGRESS=0` and `--quiet` switch it off.
 */
import type { Options, SingleBar } from 'cli-progress';
import { bytes } from './format';
import { visible } from './output';

/** How far a piece of work is: what the native functions report. All but the tensors in bytes. */
export interface ProgressEvent {
  readonly bytes: number;
  readonly total: number;
  readonly tensors: number;
  readonly totalTensors: number;
  readonly reused: number;
}

/** A running progress line. Call `done` when the work ends, however it ends. */
export interface Progress {
  /** Can be handed over without its object. */
  readonly onProgress: (event: ProgressEvent) => void;
  readonly done: () => void;
}

const DELAY_MS = 500;
const SILENT: Progress = { onProgress: () => {}, done: () => {} };
const running = new Set<Progress>();

function wanted(quiet: boolean | undefined): boolean {
  const asked = process.env.GIT_THETA_PROGRESS;
  if (quiet || asked === '0') return false;
  return Boolean(asked) || process.stderr.isTTY === true;
}

/** The line's text: `Adding model.pt:  45% | 1.2 GiB of 2.7 GiB | 850 MiB/s | 60 of 111 tensors | 0.2 GiB new, 1.0 GiB reused`. */
export function describeProgress(label: string, event: ProgressEvent, seconds: number): string {
  const parts: string[] = [];
  const share = event.total > 0 ? Math.min(1, event.bytes / event.total) : 0;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  if (event.total > 0) parts.push(`${bytes(event.bytes)} of ${bytes(event.total)}`);
  else if (event.bytes > 0) parts.push(bytes(event.bytes));
  if (seconds > 0 && event.bytes > 0) parts.push(`${bytes(event.bytes / seconds)}/s`);
  if (event.totalTensors > 0) {
    parts.push(`${event.tensors} of ${event.totalTensors} tensors`);
  }
  if (event.reused > 0) {
    const fresh = Math.max(0, event.bytes - event.reused);
    parts.push(`${bytes(fresh)} new, ${bytes(event.reused)} reused`);
  }
  return `${visible(label)}: ${percent}${parts.length > 0 ? ` | ${parts.join(' | ')}` : ''}`;
}

/** Starts a progress line; `label` says what is done to what, as in `Adding model.pt`. */
export function progress(label: string, options: { quiet?: boolean | undefined } = {}): Progress {
  if (!wanted(options.quiet)) return SILENT;
  const started = performance.now();
  let last: ProgressEvent = { bytes: 0, total: 0, tensors: 0, totalTensors: 0, reused: 0 };
  let bar: SingleBar | undefined;

  const format: NonNullable<Options['format']> = () => {
    const line = describeProgress(label, last, (performance.now() - started) / 1000);
    const width = process.stderr.columns ?? 0;
    return width > 0 && line.length >= width ? line.slice(0, width - 1) : line;
  };
  const timer = setTimeout(() => {
    const { SingleBar: Bar } = require('cli-progress') as typeof import('cli-progress');
    bar = new Bar({
      format,
      stream: process.stderr,
      fps: 10,
      clearOnComplete: true,
      emptyOnZero: true,
      gracefulExit: false,
      noTTYOutput: true,
      notTTYSchedule: 2000,
    });
    // The line switches the terminal's wrapping off: it has to come back however the process ends.
    process.once('exit', stopProgress);
    bar.start(last.total, last.bytes);
  }, DELAY_MS);
  // A line that is about to appear must not keep the process alive.
  timer.unref();

  const line: Progress = {
    onProgress: (event) => {
      last = event;
      bar?.setTotal(event.total);
      bar?.update(event.bytes);
    },
    done: () => {
      clearTimeout(timer);
      bar?.stop();
      bar = undefined;
      running.delete(line);
      if (running.size === 0) process.off('exit', stopProgress);
    },
  };
  running.add(line);
  return line;
}

/** Erases every progress line, so that an error does not land behind one. */
export function stopProgress(): void {
  for (const line of [...running]) line.done();
}
