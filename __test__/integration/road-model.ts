// Checkpoints of made-up tensors, and repositories that track them.
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Result, Scratch } from '../support/scratch';

/** Tensors by name: float32 values. */
export type Tensors = Record<string, Float32Array>;

/** Values that nothing compresses. */
export function values(count: number): Float32Array {
  const bytes = randomBytes(count * 4);
  // Exponents of ordinary weights: no NaN among them.
  for (let i = 3; i < bytes.length; i += 4) bytes[i] = ((bytes[i] ?? 0) & 0x80) | 0x3c;
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** `count` tensors of `size` elements: `layer.0.weight`, … */
export function model(count = 6, size = 4096): Tensors {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`layer.${i}.weight`, values(size)]),
  );
}

/** A safetensors file. */
export function safetensors(tensors: Tensors): Buffer {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, data] of Object.entries(tensors)) {
    const end = offset + data.byteLength;
    header[name] = { dtype: 'F32', shape: [data.length], data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const data = Object.values(tensors).map((one) => Buffer.from(one.buffer, 0, one.byteLength));
  return Buffer.concat([length, Buffer.from(padded), ...data]);
}

/** A repository in a scratch directory. */
export class ModelRepository {
  private writes = 0;

  constructor(
    readonly scratch: Scratch,
    readonly dir: string,
  ) {}

  /** A new one, with git-theta installed for the user. */
  static async create(scratch = new Scratch(), name = 'repo'): Promise<ModelRepository> {
    await scratch.run('git', ['theta', 'install']);
    return new ModelRepository(scratch, await scratch.repo(name));
  }

  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  git(...args: string[]): Promise<Result> {
    return this.scratch.run('git', args, { cwd: this.dir });
  }

  /** Runs git; whatever the exit code. */
  try(...args: string[]): Promise<Result> {
    return this.scratch.run('git', args, { cwd: this.dir, check: false });
  }

  theta(...args: string[]): Promise<Result> {
    return this.git('theta', ...args);
  }

  /** Writes a file, as a program that finished long ago: git trusts its stat data. */
  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), content);
    const then = 1_700_000_000 + 10 * this.writes++;
    utimesSync(this.path(path), then, then);
  }

  read(path: string): Buffer {
    return readFileSync(this.path(path));
  }

  /** Lines of `git status --porcelain`. */
  async status(...args: string[]): Promise<string[]> {
    return lines((await this.git('status', '--porcelain', ...args)).stdout);
  }

  /** Paths that a commit, or with none the index, changes. */
  async changes(...args: string[]): Promise<string[]> {
    const { stdout } = await this.git('diff', '--name-only', '--no-renames', ...args);
    return lines(stdout);
  }

  /** Adds a model on the main road and commits it. */
  async commit(path: string, tensors: Tensors | Buffer, message = 'a version'): Promise<Buffer> {
    const content = Buffer.isBuffer(tensors) ? tensors : safetensors(tensors);
    this.write(path, content);
    await this.theta('add', path);
    await this.git('commit', '--quiet', '-m', message);
    return content;
  }

  /** Ids of the objects in git-lfs's store. */
  objects(store = '.git/lfs/objects'): string[] {
    // Made with the first object.
    if (!existsSync(this.path(store))) return [];
    const names = readdirSync(this.path(store), { recursive: true, withFileTypes: true });
    return names
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();
  }

  /** Path of an object in git-lfs's store. */
  object(oid: string, store = '.git/lfs/objects'): string {
    return this.path(store, oid.slice(0, 2), oid.slice(2, 4), oid);
  }

  /** Removes an object, also where it is kept aside. */
  lose(oid: string): void {
    rmSync(this.object(oid));
    rmSync(this.object(oid, '.git/theta/objects'), { force: true });
  }

  /** Everything of ours agrees: exit code 0, nothing stale. */
  async sound(): Promise<void> {
    const { stdout } = await this.theta('fsck', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, findings: [] });
  }
}

/** Lines without the last, empty one. */
export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** SHA-256 in hexadecimal digits. */
export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Inode of a file. */
export function inode(path: string): number {
  return statSync(path).ino;
}
