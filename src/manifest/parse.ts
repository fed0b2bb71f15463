import { ThetaError } from '../errors';
import type { Manifest } from './types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export function parseManifest(_text: string | Buffer): Manifest {
  return todo();
}
/** Cheap prefix test. */
export function looksLikeManifest(_bytes: Uint8Array): boolean {
  return todo();
}
export function isManifest(_bytes: Buffer): boolean {
  return todo();
}
