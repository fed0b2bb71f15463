import { ThetaError } from '../errors';
import type { ObjectRef } from '../manifest/types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** `<dir>/ab/cd/<oid>` */
export function objectPath(_dir: string, _oid: string): string {
  return todo();
}
/** Present with this size. */
export function hasObject(_dir: string, _ref: ObjectRef): boolean {
  return todo();
}
/** Path in the first store that has it, or null. */
export function findObject(_stores: string[], _ref: ObjectRef): string | null {
  return todo();
}
