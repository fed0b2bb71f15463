/**
 * Where a model's store files are.
 *
 * In: a manifest and the path of its checkpoint. Out: the files below `.git_theta/<path>/`, one per object, by the rules
 * of docs/format/manifest.md, "Store tree".
 */
import { ThetaError } from '../errors';
import { parseObject } from '../manifest/objects';
import { compareNames } from '../manifest/order';
import { toRecords } from '../manifest/print';
import type { Manifest, ObjectText } from '../manifest/types';
import * as native from '../native';
import { newFolder, place, plant } from './names';

export { encodeComponent } from './names';

/** The folder of all stores, in the root of the work tree. */
export const STORE_FOLDER = '.git_theta';

/**
 * Folder of stamped skeletons in a store. Each has a folder of its own, so that a merge of two stores keeps what both
 * have: git merges these files by itself, and the merged model may have neither stamp.
 */
const STAMPED = '.stamped';

/** Whether a path is part of a store, and so never a model itself. */
export function inStore(path: string): boolean {
  return path === STORE_FOLDER || path.startsWith(`${STORE_FOLDER}/`);
}

/** A file of a store. */
export interface StoreFile {
  /** From the root of the work tree, with slashes. */
  path: string;
  oid: string;
  /** Bytes of the object. */
  size: number;
}

/** Folders below the store's root, by name; `''` is the root itself. */
export interface ArrayFolders {
  groups: Map<string, string>;
  tensors: Map<string, string>;
  storages: Map<string, string>;
}

/** The folder of a checkpoint's store. */
export function storeRoot(modelPath: string): string {
  return `${STORE_FOLDER}/${modelPath}`;
}

/** The model, of these, whose store a path is in; null when it is in none. */
export function modelOf(path: string, models: Iterable<string>): string | null {
  for (const model of models) if (path.startsWith(`${storeRoot(model)}/`)) return model;
  return null;
}

/** Whether a file in the store of a model belongs to a stamp: left over from a merge it does no harm. */
export function isStampFile(path: string, modelPath: string): boolean {
  return path.startsWith(`${storeRoot(modelPath)}/${STAMPED}/`);
}

/** The folder of every group, tensor and storage that has files. */
export function arrayFolders(manifest: Manifest): ArrayFolders {
  const folders: ArrayFolders = {
    groups: new Map([['', '']]),
    tensors: new Map(),
    storages: new Map(),
  };
  const tree = newFolder();
  for (const { group } of manifest.groups) if (group !== '') plant(tree, group, 'group');
  for (const { tensor, meta } of manifest.tensors)
    if (meta !== undefined) plant(tree, tensor, 'array');
  place(tree, '', folders.tensors, folders.groups);
  const storages = newFolder();
  for (const { storage } of manifest.storages) plant(storages, storage, 'array');
  place(storages, '.storage/', folders.storages, new Map());
  return folders;
}

/** Names of the chunks of every record, aligned with the records; null where there is no array. */
function chunkKeys(manifest: Manifest): (string[] | null)[] {
  const keys: unknown = JSON.parse(native.chunkKeys(toRecords(manifest)));
  if (Array.isArray(keys)) return keys as (string[] | null)[];
  throw new ThetaError('ERR_THETA_INTERNAL', 'the native core gave no chunk keys');
}

/** All files of a manifest's store, sorted by the bytes of the path. */
export function storeFiles(manifest: Manifest, modelPath: string): StoreFile[] {
  const files = new Map<string, ObjectText>();
  const put = (path: string, object: ObjectText): void => {
    if (files.has(path)) throw new ThetaError('ERR_THETA_INTERNAL', `two objects for '${path}'`);
    files.set(path, object);
  };
  const root = storeRoot(modelPath);
  const inFolder = (folder: string, name: string): string =>
    folder === '' ? `${root}/${name}` : `${root}/${folder}/${name}`;
  const keys = chunkKeys(manifest);
  let index = 1;
  const putArray = (folder: string, record: { chunks?: ObjectText[]; meta?: ObjectText }): void => {
    const names = keys[index++];
    if (record.meta !== undefined) put(inFolder(folder, 'zarr.json'), record.meta);
    record.chunks?.forEach((chunk, at) => {
      const name = names?.[at];
      if (name === undefined || names?.length !== record.chunks?.length) {
        throw new ThetaError('ERR_THETA_INTERNAL', `chunk keys of '${folder}' do not fit`);
      }
      put(inFolder(folder, name), chunk);
    });
  };
  if (manifest.pieces) {
    index++;
    // The same bytes may come again in a file; they are one object.
    for (const piece of new Set(manifest.pieces))
      put(inFolder('.pieces', piece.slice(0, 64)), piece);
  }
  const folders = arrayFolders(manifest);
  if (manifest.skeleton) putArray('.skeleton', manifest.skeleton);
  if (manifest.stamped) putArray(`${STAMPED}/${manifest.stamped.hash}`, manifest.stamped);
  for (const record of manifest.groups) putArray(folders.groups.get(record.group) ?? '', record);
  for (const record of manifest.storages) {
    putArray(folders.storages.get(record.storage) ?? '', record);
  }
  for (const record of manifest.tensors) putArray(folders.tensors.get(record.tensor) ?? '', record);
  return Array.from(files, ([path, object]) => ({ path, ...parseObject(object) })).sort((a, b) =>
    compareNames(a.path, b.path),
  );
}
