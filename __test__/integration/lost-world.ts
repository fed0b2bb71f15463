// What the tests of losing nothing share: checkpoints of pseudo-random floats, and looking at them
// without the commands under test.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseManifest, toRecords } from '../../src/manifest';
import { Composition } from '../../src/native';
import { type ModelRepository, safetensors, sha256, type Tensors } from './road-model';

/** Numbers in [0, 1) that are the same in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Float32 values like weights, with a mantissa that nothing compresses. */
export function floats(seed: number, count: number): Float32Array {
  const words = new Uint32Array(count);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = ((state & 0x80ffffff) | 0x3c000000) >>> 0;
  }
  return new Float32Array(words.buffer);
}

/** `count` tensors of `size` elements each. */
export function tensors(seed: number, count: number, size: number): Tensors {
  const entries = Array.from({ length: count }, (_, i) => [
    `layer.${i}.weight`,
    floats(seed * 1000 + i, size),
  ]);
  return Object.fromEntries(entries);
}

/** A safetensors file of them. */
export function checkpoint(seed: number, count: number, size: number): Buffer {
  return safetensors(tensors(seed, count, size));
}

/** SHA-256 of the checkpoint that a manifest stands for, put together from the stores. */
export function composed(repo: ModelRepository, manifest: string): string {
  const stores = [repo.path('.git/lfs/objects'), repo.path('.git/theta/objects')];
  const composition = new Composition(toRecords(parseManifest(manifest)), stores);
  try {
    const content = Buffer.alloc(composition.size);
    for (let at = 0; at < content.length; ) at += composition.read(content.subarray(at));
    return sha256(content);
  } finally {
    composition.close();
  }
}

/** The manifest of a model at a revision; `''` is the index. */
export async function manifest(repo: ModelRepository, rev: string, path: string): Promise<string> {
  return (await repo.git('cat-file', 'blob', `${rev}:${path}`)).stdout;
}

/** Object ids of everything that the manifest names. */
export function objectIds(text: string): string[] {
  return [...new Set([...text.matchAll(/"([0-9a-f]{64}):\d+"/g)].map(([, oid]) => oid as string))];
}

/** The object of a store file at HEAD. */
export async function pointedAt(repo: ModelRepository, file: string): Promise<string> {
  const { stdout } = await repo.git('cat-file', 'blob', `HEAD:${file}`);
  return /sha256:(\w{64})/.exec(stdout)?.[1] as string;
}

/** Overwrites an object with other bytes of the same length: a new file, or in place. */
export function corrupt(path: string, inPlace = false): void {
  const content = Buffer.from(readFileSync(path));
  const middle = content.length >> 1;
  content[middle] = (content[middle] as number) ^ 0xff;
  if (!inPlace) rmSync(path);
  else chmodSync(path, 0o644);
  writeFileSync(path, content);
}

/** Starts git and kills it with all its children after a while. True: it was still running. */
export function killed(
  repo: ModelRepository,
  args: string[],
  afterMs: number,
  env: Record<string, string> = {},
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      cwd: repo.dir,
      env: { ...repo.scratch.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Pipes are closed when the last of the children is gone.
    child.stdout.resume();
    child.stderr.resume();
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), afterMs);
    child.on('error', reject);
    child.on('close', (_, signal) => {
      clearTimeout(timer);
      resolve(signal === 'SIGKILL');
    });
  });
}

/** Removes the locks that a killed git has left: what git tells its users to do. */
export function unlock(repo: ModelRepository): string[] {
  const found: string[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!/^(objects|lfs|theta)$/.test(entry.name)) visit(path);
      } else if (entry.name.endsWith('.lock')) {
        rmSync(path);
        found.push(path);
      }
    }
  };
  visit(repo.path('.git'));
  return found;
}

/** Files that only a process under way should have, anywhere in the repository. */
export function temporaries(repo: ModelRepository): string[] {
  const found = below(repo.path('.git/theta/tmp'));
  const odd = below(repo.path('.git/lfs/objects')).concat(below(repo.path('.git/theta/objects')));
  found.push(...odd.filter((path) => !/\/[0-9a-f]{64}$/.test(path)));
  found.push(...below(repo.dir).filter((path) => /\.git-theta-\d+-\d+$/.test(path)));
  return found;
}

function below(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
