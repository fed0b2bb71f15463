import { ThetaError } from '../errors';
import type { Repository } from './repository';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export const HOOKS = [
  'pre-commit',
  'post-commit',
  'pre-push',
  'post-checkout',
  'post-merge',
  'post-rewrite',
] as const;
export type HookName = (typeof HOOKS)[number];
export type HookState = 'absent' | 'ours' | 'outdated' | 'lfs' | 'foreign';
export interface HookReport {
  name: HookName;
  /** Absolute path of the hook file. */
  path: string;
  state: HookState;
  /** A foreign hook that ours runs first. */
  chained: boolean;
  /** What was done: nothing, written, or why not ('outside': core.hooksPath is not in the git directory; 'special': not a regular file). */
  action: 'none' | 'written' | 'removed' | 'restored' | 'outside' | 'special';
  /** The line to add by hand where we do not write. */
  line: string;
}
export interface HooksPath {
  path: string /** Inside the git directory, so ours to write. */;
  own: boolean;
}
export function hooksPath(_repo: Repository): Promise<HooksPath> {
  return todo();
}
export function installHooks(_repo: Repository): Promise<HookReport[]> {
  return todo();
}
export function uninstallHooks(_repo: Repository): Promise<HookReport[]> {
  return todo();
}
export function inspectHooks(_repo: Repository): Promise<HookReport[]> {
  return todo();
}
