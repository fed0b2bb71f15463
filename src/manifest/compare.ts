import { ThetaError } from '../errors';
import type { Manifest, TensorRecord } from './types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** A tensor that is in both manifests, but not the same. */
export interface Change {
  name: string;
  before: TensorRecord;
  after: TensorRecord;
  what: ('dtype' | 'shape' | 'value' | 'layout')[];
}
export interface Comparison {
  added: TensorRecord[];
  removed: TensorRecord[];
  changed: Change[];
  unchanged: number;
  skeleton: boolean;
  format: boolean;
  pieces: boolean;
  storages: boolean;
}
export function compareManifests(_a: Manifest, _b: Manifest): Comparison {
  return todo();
}
