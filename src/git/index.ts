import { ThetaError } from '../errors';
import type { Repository } from './repository';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export interface IndexUpdate {
  path: string /** null removes the path */;
  oid: string | null /** '100644' */;
  mode?: string;
}
export interface IndexEntry {
  path: string;
  oid: string;
  mode: string /** 0, or 1 to 3 in a conflict */;
  stage: number;
}
export interface TreeEntry {
  path: string;
  oid: string;
  mode: string;
  type: string;
}
export function updateIndex(
  _repo: Repository,
  _entries: IndexUpdate[],
  _o: { indexFile?: string | undefined } = {},
): Promise<void> {
  return todo();
}
/** `paths` are literal files or folders; none: everything. */
export function lsFiles(
  _repo: Repository,
  _paths: string[] = [],
  _o: { indexFile?: string | undefined } = {},
): Promise<IndexEntry[]> {
  return todo();
}
/** Recursive. A rev without a tree throws. */
export function lsTree(
  _repo: Repository,
  _rev: string,
  _paths: string[] = [],
): Promise<TreeEntry[]> {
  return todo();
}
