// Other people's readers, as oracles: what a file or a stored array holds according to zarr-python,
// TensorStore, zarrs, zarrita, torch and the safetensors library.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { python, torchPython, zarrsReader } from './env';

/** `sha256` is over the values, C-contiguous and little-endian. */
export interface TensorDigest {
  dtype: string;
  shape: number[];
  sha256: string;
}

export interface Unreadable {
  error: string;
}

const run = promisify(execFile);

async function read<T>(
  interpreter: string | undefined,
  script: string,
  args: string[],
): Promise<Record<string, T>> {
  if (!interpreter) throw new Error(`${script}: no Python for it; run: npm run test:setup`);
  const argv = [join(__dirname, 'readers', script), ...args];
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout } = await run(interpreter, argv, { env, maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as Record<string, T>;
}

/**
 * The arrays below `dir` that carry a tensor's name (attribute `git-theta` / `name`), by name, with
 * `dtype` as in zarr.json. An array that this reader cannot open has `error` instead.
 */
export function zarrPython(dir: string): Promise<Record<string, TensorDigest | Unreadable>> {
  return read(python(), 'zarr_python.py', [dir]);
}

/** The same with TensorStore. */
export function tensorStore(dir: string): Promise<Record<string, TensorDigest | Unreadable>> {
  return read(python(), 'tensorstore_reader.py', [dir]);
}

/** The same with zarrs; `shape` and `dtype` are those of the array. */
export async function zarrs(dir: string): Promise<Record<string, TensorDigest | Unreadable>> {
  const reader = zarrsReader();
  if (!reader) throw new Error('no reader on zarrs; run: npm run test:setup');
  const { stdout } = await run(reader, [dir], { maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as Record<string, TensorDigest | Unreadable>;
}

/** The same with zarrita. */
export function zarrita(dir: string): Promise<Record<string, TensorDigest | Unreadable>> {
  return read(process.execPath, 'zarrita_reader.mjs', [dir]);
}

/** The tensors of a safetensors file, dtypes by their NumPy names. */
export function safetensorsFile(path: string): Promise<Record<string, TensorDigest>> {
  return read(python(), 'safetensors_reader.py', [path]);
}

/**
 * The tensors of a torch checkpoint, names as in expected.json. `trusted` lets the pickle run:
 * only for files of ours that weights_only refuses. Check `torchPython()` first.
 */
export function torchLoad(
  path: string,
  options: { trusted?: boolean } = {},
): Promise<Record<string, TensorDigest>> {
  return read(torchPython(), 'torch_load.py', [path, ...(options.trusted ? ['--trusted'] : [])]);
}
