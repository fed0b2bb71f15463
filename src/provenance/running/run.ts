/**
 * Running a command, and stamping the checkpoints that it writes.
 *
 * In: a command, and what to insist on before. Out: how the command ended, and what became of its checkpoints. The gate
 * comes first: a command that it refuses is not started. What goes wrong with a checkpoint never touches the command:
 * the exit code is the command's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CheckMode, type CheckReport, check, type UntrackedPolicy } from '../check';
import type { SnapshotResult } from '../snapshot';
import type { Run, Stamp } from '../stamp';
import type { CallbackMode } from '../stamping';
import { assertCommand, type Child, start } from './child';
import { type CodeAt, codeNow, isOtherCode, runState } from './code-at';
import { environmentOf } from './environment';
import { keepCode } from './keep-code';
import { redactCommand } from './secrets';
import { listen } from './signals';
import { type RunFile, Stamper } from './stamper';
import { watched } from './watched';

/** Exit code of a run whose command was not started: uncommitted code. */
export const EXIT_REFUSED = 125;

/** How {@link run} works. */
export interface RunOptions {
  /** Where the command runs, a folder of the repository with the code; by default the current one. */
  readonly dir?: string | undefined;
  /** As of `check`. */
  readonly mode?: CheckMode | undefined;
  /** As of `check`. */
  readonly untracked?: UntrackedPolicy | undefined;
  /**
   * Which files are stamped: patterns as in `.gitattributes`. By default the usual endings of checkpoints, anywhere
   * below the folder.
   */
  readonly watch?: readonly string[] | undefined;
  /** As of `stamp`. */
  readonly lightningCallback?: CallbackMode | undefined;
  /** Before the command is started, keep uncommitted code as a snapshot, and name it in the stamps. */
  readonly snapshot?: boolean | undefined;
  /** Milliseconds between two looks at the files; by default 1000. */
  readonly interval?: number | undefined;
  /** Called when the gate has spoken, before the command is started; what it throws keeps that from happening. */
  readonly onGate?: ((report: CheckReport) => Promise<void> | void) | undefined;
  /** Called right before the command is started, with the snapshot too; likewise. */
  readonly onReady?:
    | ((gate: CheckReport, made: SnapshotResult | null) => Promise<void> | void)
    | undefined;
  /** Sends SIGTERM to the command; after its end, ends the stamping. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link run} tells. */
export interface RunReport {
  /** The code is not committed; the command was not started. */
  readonly refused: boolean;
  /** The command's; 128 and the number of the signal that ended it; 125 to 127 when it was not started. */
  readonly exitCode: number;
  readonly signal: string | null;
  /** Why the command could not be started. */
  readonly notStarted: string | null;
  readonly gate: CheckReport;
  /** As in the stamps. */
  readonly run: Run;
  /** The snapshot, as in the stamps; `null` when none was wanted, or the code was that of HEAD. */
  readonly changes: Stamp['changes'] | null;
  /** The files that the command wrote; the last fate of each. */
  readonly files: readonly RunFile[];
}

const INTERVAL = 1000;
const LONGEST_PAUSE = 30_000;
/** A signal that ended the command may reach us later, and once more from git, which started us. */
const GRACE = 1000;
/** Of the time, a tenth at most is for looking. */
const SHARE = 10;

/**
 * Runs a command with committed code, and stamps each checkpoint that it writes.
 *
 * The command has the standard streams of this process. While it runs, signals to this process go to the command and
 * do not end this process; after it, SIGINT or SIGTERM end the stamping.
 *
 * @param command - the program and its arguments; no shell reads them.
 * @throws ThetaError before the command is started: as `check`; as `snapshot` where one is wanted;
 *   `ERR_THETA_PROVENANCE_REFUSED` when the code changed while it was made; `ERR_THETA_USAGE` when there is no command.
 */
export async function run(
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunReport> {
  const { dir = process.cwd(), mode, untracked, signal } = options;
  assertCommand(command);
  const gate = await check({ dir, mode, untracked, signal });
  await options.onGate?.(gate);
  const redacted = redactCommand(command);
  if (!gate.ok) {
    const run: Run = { command: redacted };
    const rest = { signal: null, notStarted: null, changes: null, files: [] };
    return { refused: true, exitCode: EXIT_REFUSED, gate, run, ...rest };
  }
  const atStart = await codeNow(dir);
  const made = options.snapshot ? await keepCode(dir, atStart, signal) : null;
  await options.onReady?.(gate, made);
  const changes = made && { snapshot_commit: made.commit, snapshot_ref: made.ref };
  const stop = new AbortController();
  const files = new Map<string, RunFile>();
  let known: Run = {
    command: redacted,
    started: new Date().toISOString(),
    start_state: runState(atStart),
  };
  const stamper = new Stamper(watched(dir, options.watch), {
    describeRun: async () => ({
      status: atStart.status,
      run: known.ended === undefined ? { ...known, ...(await change(dir, atStart)) } : known,
    }),
    stamp: {
      dir,
      lightningCallback: options.lightningCallback,
      changes: changes ?? undefined,
      signal: stop.signal,
    },
    onFile: (file) => files.set(file.path, file),
  });
  await stamper.begin();
  let child: Child | null = null;
  let ended: number | undefined;
  const unlisten = listen((name, reached) => {
    if (ended === undefined) {
      if (reached === 'us') child?.kill(name);
    } else if (!/USR/.test(name) && performance.now() - ended > GRACE) {
      stop.abort();
    }
  });
  const abort = () => (ended === undefined ? child?.kill('SIGTERM') : stop.abort());
  signal?.addEventListener('abort', abort);
  try {
    const env = environmentOf(atStart.status.state, known.started as string);
    child = start(command, { cwd: dir, env });
    if (signal?.aborted) abort();
    const end = child.ended.then((ending) => {
      ended = performance.now();
      return { ending, at: new Date().toISOString() };
    });
    await lookUntil(end, stamper, options.interval ?? INTERVAL);
    const { ending, at } = await end;
    known = { ...known, ended: at, ...(await change(dir, atStart)) };
    if (ending.notStarted === null) await stamper.finish();
    return { refused: false, ...ending, gate, run: known, changes, files: [...files.values()] };
  } finally {
    signal?.removeEventListener('abort', abort);
    unlisten();
  }
}

/** What has become of the code since the run began; nothing is known when git cannot tell any more. */
async function change(
  dir: string,
  atStart: CodeAt,
): Promise<Pick<Run, 'end_state' | 'changed_during_run'>> {
  try {
    const now = await codeNow(dir);
    return { end_state: runState(now), changed_during_run: isOtherCode(atStart, now) };
  } catch {
    return { end_state: null };
  }
}

async function lookUntil(end: Promise<unknown>, stamper: Stamper, interval: number): Promise<void> {
  const over = new AbortController();
  void end.then(() => over.abort());
  for (let pause = interval; ; ) {
    await sleep(pause, undefined, { signal: over.signal }).catch(() => {});
    if (over.signal.aborted) return;
    const begun = performance.now();
    await stamper.poll();
    const spent = performance.now() - begun;
    pause = Math.max(interval, Math.min(SHARE * spent, LONGEST_PAUSE));
  }
}
