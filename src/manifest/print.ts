import { ThetaError } from '../errors';
import type { Manifest } from './types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export function printManifest(_m: Manifest): string {
  return todo();
}
export function toRecords(_m: Manifest): string {
  return todo();
}
export function fromRecords(_json: string): Manifest {
  return todo();
}
