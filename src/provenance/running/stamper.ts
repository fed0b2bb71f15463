/**
 * Which files of a run are stamped, and when.
 *
 * In: the files that are there, looked at again and again. Out: a stamp in each that the run wrote. Files that were
 * there before and did not change are left alone, also under another name. While the command runs only zip archives
 * are stamped: their end shows that they are complete. All others are stamped when it has ended. A file that cannot be
 * stamped is tried again at the end, reported, and left as it is.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { describeFailure, type Failure } from '../../failure';
import * as native from '../../native';
import type { Run } from '../stamp';
import { type StampOptions, type StampResult, stamp } from '../stamping';
import { identityOf, isUsual, look, type Watched, type WatchedFile } from './watched';

/** What became of a file that the run wrote. */
export type RunFile =
  | { readonly path: string; readonly result: 'stamped'; readonly stamp: StampResult }
  | { readonly path: string; readonly result: 'failed'; readonly error: Failure }
  | { readonly path: string; readonly result: 'skipped'; readonly because: string };

/** What {@link Stamper} needs of the run. */
export interface StamperOptions {
  /** What a stamp says of the run now. */
  readonly describeRun: () => Promise<Pick<StampOptions, 'run' | 'status'> & { readonly run: Run }>;
  readonly stamp: StampOptions;
  /** Called for each file whose fate is known. */
  readonly onFile: (file: RunFile) => void;
}

/** So many looks in a row have to find a file as it was. */
const QUIET_LOOKS = 2;
const ZIP = Buffer.from('PK\x03\x04');

interface Seen {
  readonly identity: string;
  /** Looks that found it as it was. */
  quiet: number;
  /** Looking again is of no use until it changes. */
  tried: boolean;
}

/** Stamps the files of one run. */
export class Stamper {
  /** Files that need nothing: those of before, and those that are stamped. */
  private readonly done = new Set<string>();
  private readonly seen = new Map<string, Seen>();

  constructor(
    private readonly places: readonly Watched[],
    private readonly options: StamperOptions,
  ) {}

  /** Remembers what is there before the run. */
  async begin(): Promise<void> {
    for await (const { identity } of look(this.places)) this.done.add(identity);
  }

  /** One look while the command runs. */
  async poll(): Promise<void> {
    const present = new Set<string>();
    for await (const file of look(this.places)) {
      present.add(file.path);
      if (this.done.has(file.identity)) continue;
      const before = this.seen.get(file.path);
      if (before?.identity !== file.identity) {
        this.seen.set(file.path, { identity: file.identity, quiet: 0, tried: false });
        continue;
      }
      before.quiet++;
      if (before.tried || before.quiet < QUIET_LOOKS) continue;
      before.tried = true;
      await this.stampEarly(file);
    }
    for (const path of this.seen.keys()) if (!present.has(path)) this.seen.delete(path);
  }

  /** The last look, after the command has ended. */
  async finish(): Promise<void> {
    const { signal } = this.options.stamp;
    for await (const file of look(this.places)) {
      if (this.done.has(file.identity)) continue;
      const { path } = file;
      try {
        signal?.throwIfAborted();
        const because = await reasonToSkip(path);
        if (because === null) await this.stamp(file);
        else if (isUsual(path)) this.options.onFile({ path, result: 'skipped', because });
      } catch (error) {
        if (await isGone(file)) continue;
        const failure = signal?.aborted
          ? { code: 'ERR_THETA_CANCELLED', message: `${path}: interrupted before it was stamped` }
          : describeFailure(error);
        this.options.onFile({ path, result: 'failed', error: failure });
      }
    }
  }

  /** What fails now may succeed at the end: another name of the file may be gone by then. */
  private async stampEarly(file: WatchedFile): Promise<void> {
    const { path, identity } = file;
    try {
      if (!(await isCompleteZip(path))) return;
      await this.stamp(file, async () => {
        // Asking git took time, in which the command may have begun to write it again.
        const now = await lstat(path, { bigint: true });
        return identityOf(now) === identity && (await isCompleteZip(path));
      });
    } catch {}
  }

  private async stamp(file: WatchedFile, isStill = async () => true): Promise<void> {
    const { path, stats } = file;
    const { describeRun, stamp: given, onFile } = this.options;
    const described = await describeRun();
    if (!(await isStill())) return;
    // The command may rename it as soon as it is there.
    const onPlace = (stats: BigIntStats) => void this.done.add(identityOf(stats));
    const result = await stamp(path, { ...given, ...described, onPlace });
    // Stamping keeps the time, up to rounding. Another time means that the command wrote to it again.
    const now = await lstat(path, { bigint: true }).catch(() => null);
    const ours = now && Math.abs(Number(now.mtimeNs - stats.mtimeNs)) < 2000;
    if (ours) this.done.add(identityOf(now));
    onFile({ path, result: 'stamped', stamp: result });
  }
}

/** Whether a file is an archive whose end is there. */
async function isCompleteZip(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const head = Buffer.alloc(ZIP.length);
      await file.read(head, 0, head.length, 0);
      if (!head.equals(ZIP)) return false;
    } finally {
      await file.close();
    }
    return (await native.stampRead(path)).format !== '';
  } catch {
    return false;
  }
}

/** Why a file is none that gets a stamp: it is no checkpoint, or the end of one is missing. */
async function reasonToSkip(path: string): Promise<string | null> {
  const { format, because } = await native.stampRead(path);
  return format === '' ? (because ?? 'is no checkpoint of a known format') : null;
}

async function isGone({ path }: WatchedFile): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}
