/** Checkpoints to stamp: a project with code, and copies of fixtures in it. */
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { project, run, write } from './git-repositories';

export const FIXTURES = resolve(__dirname, '../../fixtures');

/** Fixtures whose format carries a stamp in the file. */
export const CARRIERS = [
  'torch/state_dict.pt',
  'torch/bf16.pt',
  'torch/align4096.pt',
  'torch/nocrc.pt',
  'torch/train_loop.pt',
  'torch/protocol4.pt',
  'torch/rezipped_stored.pt',
  'torch/rezipped_deflated.pt',
  'torch1.13/state_dict.pt',
  'torch2.15/train.pt',
  'lightning/unstamped.ckpt',
  'lightning/weights_only.ckpt',
  'lightning/stamped_string_key.ckpt',
  'lightning/original_callback_lightning_1.4.9.ckpt',
  'lightning/original_callback_lightning_1.7.7.ckpt',
  'safetensors/bf16.safetensors',
  'safetensors/dtypes.safetensors',
  'safetensors/empty.safetensors',
  'onnx/inline.onnx',
  'onnx/types.onnx',
  'gguf/model.gguf',
];

/** Fixtures beside which it is. */
export const BESIDE = [
  'numpy/plain.npy',
  'torch/script.pt',
  'safetensors/unpadded_null_metadata.safetensors',
  'torch/legacy.pt',
  'keras/plain.h5',
  'flax/model.msgpack',
];

/** All fixtures below a folder. */
export function fixturesIn(folder: string): string[] {
  return readdirSync(join(FIXTURES, folder)).map((name) => `${folder}/${name}`);
}

/** A repository with committed code that ignores checkpoints, and the copy of a fixture in it. */
export function withFile(fixture: string): { root: string; file: string; before: Buffer } {
  const root = project();
  write(root, '.gitignore', '/run/\n');
  run(root, 'add', '-A');
  run(root, 'commit', '-qm', 'ignore');
  const file = copyOf(root, fixture);
  return { root, file, before: readFileSync(file) };
}

/** One more copy in the folder `run`. */
export function copyOf(root: string, fixture: string, name = basename(fixture)): string {
  const file = write(root, `run/${name}`, '');
  copyFileSync(join(FIXTURES, fixture), file);
  return file;
}

export const sha256 = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex');

/** What must not change but by a rename. */
export function look(path: string): object {
  const { mode, size, mtimeMs, uid, gid } = statSync(path);
  return { mode, size, mtimeMs, uid, gid, sha256: sha256(path) };
}
