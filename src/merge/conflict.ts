/**
 * A conflict: something of a checkpoint that both sides changed, so that a person has to decide.
 */
import type { Clash } from './three-way';

/**
 * What kind. `skeleton`: what is not a tensor changed on both sides, or does not fit the merged tensors. `format`: the
 * sides have different file formats. `pieces`: the file is stored whole, and both sides changed it. `base`: the common
 * ancestors of histories that cross conflict themselves.
 */
export type ConflictKind = Clash | 'skeleton' | 'format' | 'pieces' | 'base';

/** One conflict. Sides that do not have the thing are absent; so are values that say nothing. */
export interface Conflict {
  /** Name of the tensor or storage; empty for the checkpoint as a whole. */
  readonly name: string;
  readonly kind: ConflictKind;
  /** The records, or for `format` the names of the formats. */
  readonly base?: unknown;
  readonly ours?: unknown;
  readonly theirs?: unknown;
  /** For people, where the kind does not say it all. */
  readonly reason?: string;
}

const WORDS: Readonly<Record<ConflictKind, string>> = {
  'modify/modify': 'both sides changed it',
  'modify/delete': 'one side changed it, the other removed it',
  'add/add': 'both sides added it, with different values',
  skeleton: 'both sides changed what is not a tensor',
  format: 'the sides have different file formats',
  pieces: 'the file is stored whole, and both sides changed it',
  base: 'the histories cross, and the common ancestors conflict themselves',
};

/** What a conflict is, in a few words. */
export function describeConflict(conflict: Conflict): string {
  const { kind, ours, reason } = conflict;
  if (reason !== undefined) return reason;
  if (kind !== 'modify/delete') return WORDS[kind];
  return ours === undefined
    ? 'ours removed it, theirs changed it'
    : 'ours changed it, theirs removed it';
}
