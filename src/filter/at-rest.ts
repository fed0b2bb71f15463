/**
 * Whether a file is the same from before it is read until after.
 *
 * In: a path. Out: stat data to compare. A system counts a file's time in ticks of a few milliseconds: what is written
 * in the tick of the first look would not show in the second. So the first look waits until its tick is over.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ThetaError } from '../errors';

/** Longer than a tick of any kernel's clock, in milliseconds. */
const TICK = 20;
/** A file that is written to all this time is refused by whoever compares. */
const LOOKS = 10;

/** Stat data of a regular file whose last change is some time ago; null for everything else. */
export async function atRest(file: string): Promise<BigIntStats | null> {
  for (let look = 1; ; look++) {
    const stats = regular(file);
    const age = stats ? Date.now() - Number(stats.mtimeMs) : TICK;
    // A time in the future is nobody's clock: it says nothing.
    if (age >= TICK || age < 0 || look === LOOKS) return stats;
    await sleep(TICK - age + 1);
  }
}

/** Stat data of a regular file; null for everything else. */
export function regular(file: string): BigIntStats | null {
  const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return stats?.isFile() ? stats : null;
}

/** Whether nothing wrote to the file between the two looks at it. */
export function unchanged(before: BigIntStats | null, after: BigIntStats | null): boolean {
  if (!before || !after) return before === after;
  return before.mtimeNs === after.mtimeNs && before.size === after.size && before.ino === after.ino;
}

/** The error for a file that something else writes to. */
export function changed(path: string): ThetaError {
  return new ThetaError('ERR_THETA_SOURCE_CHANGED', `${path} was changed while it was read`, {
    path,
    hint: 'Wait until the program that writes it has finished, then try again.',
  });
}
