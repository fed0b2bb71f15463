import { ThetaError } from '../errors';
import type { ObjectRef } from '../manifest/types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export function printPointer(_ref: ObjectRef): string {
  return todo();
}
export function parsePointer(_bytes: Uint8Array): ObjectRef | null {
  return todo();
}
