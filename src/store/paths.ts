import { ThetaError } from '../errors';
import type { Manifest } from '../manifest/types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Folder of all stores, in the root of the work tree. */
export const STORE_FOLDER = '.git_theta';
export interface StoreFile {
  path: string;
  oid: string;
  size: number;
}
/** `.git_theta/<model>` */
export function storeRoot(_modelPath: string): string {
  return todo();
}
/** All files of a manifest's store, sorted by the bytes of the path. */
export function storeFiles(_manifest: Manifest, _modelPath: string): StoreFile[] {
  return todo();
}
/** Folder below the store's root for every array that has files, by kind and name. */
export function arrayFolders(_manifest: Manifest): {
  groups: Map<string, string>;
  tensors: Map<string, string>;
  storages: Map<string, string>;
} {
  return todo();
}
/** One component of a name as a file name (rules 1 to 3). */
export function encodeComponent(_component: string): string {
  return todo();
}
/** The model whose store a repo-relative path is in, among these models; null when in none. */
export function modelOf(_path: string, _models: Iterable<string>): string | null {
  return todo();
}
