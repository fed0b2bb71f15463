/**
 * The three-way merge of one thing: what base, ours and theirs have under one name.
 *
 * In: three values, each perhaps absent. Out: the value to take, or that there is none. Nothing is computed from two
 * sides: the result is always what one side has, bit for bit.
 */

/** Why two sides cannot both be right. */
export type Clash = 'modify/modify' | 'modify/delete' | 'add/add';

/** A value to take (absent: the thing is gone), or a clash. */
export type Outcome<T> = { readonly take: T | undefined } | { readonly clash: Clash };

/**
 * Two looks at a value. `exact` is equal for equal records. `value` is also equal for records that mean the same and are
 * only stored otherwise, so that a new encoding on one side does not stand against a new value on the other.
 */
export interface Keys<T> {
  exact(value: T): string;
  value(value: T): string;
}

const ABSENT = '';

/** Merges one thing. */
export function mergeOne<T>(
  base: T | undefined,
  ours: T | undefined,
  theirs: T | undefined,
  keys: Keys<T>,
): Outcome<T> {
  for (const look of [keys.exact, keys.value]) {
    const [o, a, b] = [base, ours, theirs].map((value) =>
      value === undefined ? ABSENT : look(value),
    );
    if (a === b || b === o) return { take: ours };
    if (a === o) return { take: theirs };
  }
  if (base === undefined) return { clash: 'add/add' };
  return { clash: ours === undefined || theirs === undefined ? 'modify/delete' : 'modify/modify' };
}

/** Something that clashes, as the sides have it. */
export interface Clashing<T> {
  readonly name: string;
  readonly kind: Clash;
  readonly base?: T;
  readonly ours?: T;
  readonly theirs?: T;
}

/** Merges lists of named things. The results come in no particular order. */
export function mergeNamed<T>(
  lists: readonly [base: readonly T[], ours: readonly T[], theirs: readonly T[]],
  nameOf: (value: T) => string,
  keys: Keys<T>,
): { readonly taken: T[]; readonly clashes: Clashing<T>[] } {
  const index = (list: readonly T[]) => new Map(list.map((value) => [nameOf(value), value]));
  const [bases, ours, theirs] = [index(lists[0]), index(lists[1]), index(lists[2])];
  const taken: T[] = [];
  const clashes: Clashing<T>[] = [];
  // A name that only the base has is gone on both sides.
  for (const name of new Set([...ours.keys(), ...theirs.keys()])) {
    const [o, a, b] = [bases.get(name), ours.get(name), theirs.get(name)];
    const outcome = mergeOne(o, a, b, keys);
    if ('clash' in outcome) {
      clashes.push({
        name,
        kind: outcome.clash,
        ...(o !== undefined && { base: o }),
        ...(a !== undefined && { ours: a }),
        ...(b !== undefined && { theirs: b }),
      });
    } else if (outcome.take !== undefined) taken.push(outcome.take);
  }
  return { taken, clashes };
}
