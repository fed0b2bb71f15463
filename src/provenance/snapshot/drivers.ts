/**
 * Filter drivers of git's configuration, switched off for one command.
 *
 * In: names of drivers, or a repository to ask for all. Out: arguments for git that come before the command. A driver
 * without commands leaves contents as they are, and one that is not required may do so.
 */
import { type Ask, readable, records } from '../git/ask';

/** The driver of models. */
export const MODELS = ['theta'];

/** Drivers that replace pointers by what may be on a server only. */
export const POINTERS = ['theta', 'lfs'];

/** Arguments that switch these drivers off. */
export function without(drivers: readonly string[]): string[] {
  return drivers.flatMap((name) =>
    ['clean=', 'smudge=', 'process=', 'required=false'].flatMap((setting) => [
      '-c',
      `filter.${name}.${setting}`,
    ]),
  );
}

/** The names of all drivers that are configured. */
export async function allDrivers(ask: Ask): Promise<string[]> {
  const { text } = await ask(['config', '-z', '--name-only', '--get-regexp', '^filter\\..*\\.'], {
    mayFail: true,
  });
  const names = records(text).map((key) =>
    readable(key.slice('filter.'.length, key.lastIndexOf('.'))),
  );
  // `-c` ends a name at the first equals sign; git itself could not be given such a driver so either.
  return [...new Set([...MODELS, ...names])].filter((name) => !/[=\n]/.test(name));
}
