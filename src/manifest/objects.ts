import { ThetaError } from '../errors';
import type { Manifest, ObjectRef, ObjectText } from './types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export function manifestObjects(_m: Manifest): ObjectRef[] {
  return todo();
}
export function parseObject(_text: ObjectText): ObjectRef {
  return todo();
}
export function printObject(_ref: ObjectRef): ObjectText {
  return todo();
}
