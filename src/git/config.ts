import { ThetaError } from '../errors';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Where a value is read or written; `file` is `--file`. */
export type ConfigScope = 'local' | 'global' | 'system' | 'worktree' | { file: string };
export interface ConfigOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  scope?: ConfigScope;
  type?: 'bool' | 'int' | 'path';
}
/** Last value, or null. */
export function getConfig(_key: string, _o: ConfigOptions = {}): Promise<string | null> {
  return todo();
}
export function getAllConfig(_key: string, _o: ConfigOptions = {}): Promise<string[]> {
  return todo();
}
/** Replaces all values. True when something changed. */
export function setConfig(_key: string, _value: string, _o: ConfigOptions = {}): Promise<boolean> {
  return todo();
}
/** Removes all values. True when there was one. */
export function unsetConfig(_key: string, _o: ConfigOptions = {}): Promise<boolean> {
  return todo();
}
/** Removes a whole section (`filter.theta`). True when there was one. */
export function removeSection(_section: string, _o: ConfigOptions = {}): Promise<boolean> {
  return todo();
}
