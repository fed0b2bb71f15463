/**
 * Refusals of a manifest: one line, one rule, one sentence.
 */
import { ThetaError } from '../errors';

/** Short names of the rules; the golden vectors list an example of each. */
export type Rule =
  | 'utf8'
  | 'limit'
  | 'conflict'
  | 'json'
  | 'line'
  | 'header'
  | 'version'
  | 'record'
  | 'sequence'
  | 'key'
  | 'value'
  | 'stamped'
  | 'canonical'
  | 'sorted'
  | 'hash'
  | 'object'
  | 'dtype'
  | 'shape'
  | 'order'
  | 'chunks'
  | 'fill'
  | 'same'
  | 'view'
  | 'groups';

/** An `ERR_THETA_BAD_MANIFEST` about one line, counted from 1. */
export function fail(line: number, rule: Rule, what: string, hint?: string): ThetaError {
  const message = `manifest line ${line}: ${what}`;
  return new ThetaError('ERR_THETA_BAD_MANIFEST', message, { line, rule, hint });
}
