/**
 * Objects of git's database, in bulk.
 *
 * In: contents to write, or names to look up. Out: oids, or contents, in the same order. A name that means nothing is an
 * answer; an object that git cannot read is an error.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gitFailed } from './child';
import type { Environment } from './environment';
import { blobOid, packBlobs } from './pack';
import { GitProcess } from './process';
import type { Repository } from './repository';

/** From this many on git keeps the pack as it is; below, objects lie on their own. Git's own `fetch.unpackLimit`. */
const UNPACK_LIMIT = 100;

/** Writes blobs. Their oids, in the same order. */
export async function hashObjects(
  repo: Repository,
  contents: readonly Uint8Array[],
): Promise<string[]> {
  const oids = contents.map((content) => blobOid(repo.objectFormat, content));
  const unique = new Map(oids.map((oid, at) => [oid, contents[at] ?? Buffer.alloc(0)]));
  if (unique.size === 0) return oids;
  const input = packBlobs(repo.objectFormat, [...unique.values()]);
  const keep = unique.size >= UNPACK_LIMIT;
  await repo.git(keep ? ['index-pack', '--stdin'] : ['unpack-objects', '-q'], { input });
  return oids;
}

/** What a name stands for. */
export interface CatFile {
  /** The name that was asked for. */
  spec: string;
  /** null when there is no such object. */
  oid: string | null;
  /** `blob`, `tree`, `commit`, `tag`; `''` when there is no such object. */
  type: string;
  content: Buffer;
}

const HEADER = /^([0-9a-f]{40,64}) (blob|tree|commit|tag) ([0-9]+)$/;

/** An object without its content. */
export interface FoundObject {
  oid: string;
  type: string;
  size: number;
}

/** The object that a name stands for; null when the name means nothing. */
export async function findObject(repo: Repository, spec: string): Promise<FoundObject | null> {
  const args = ['cat-file', '--batch-check', '-z'];
  const { stdout } = await repo.git(args, { input: `${spec}\0` });
  const found = HEADER.exec(stdout.replace(/\n$/, ''));
  if (found) {
    const [, oid = '', type = '', size] = found;
    return { oid, type, size: Number(size) };
  }
  // Git says the same of an object that it cannot read.
  const name = await repo.git(['rev-parse', '--verify', '--quiet', '--end-of-options', spec], {
    check: false,
  });
  if (name.code === 0) await repo.git(['cat-file', '-t', name.stdout.trim()]);
  return null;
}

/** Whether a line is the last one of an answer, which repeats the name when there is no object. */
async function readHeader(child: GitProcess, spec: string): Promise<RegExpExecArray | null> {
  const first = await child.readLine();
  if (first === null) {
    await child.finish();
    throw child.protocolError('no answer');
  }
  const found = HEADER.exec(first);
  // A name with newlines is repeated over several lines.
  if (!found) for (let left = spec.split('\n').length; left > 1; left--) await child.readLine();
  return found;
}

/**
 * Looks up objects by any name that git knows (`HEAD:a b.pt`, `:0:a b.pt`, an oid), in order.
 *
 * Names are asked for a batch at a time, so that neither side waits for the other with a full pipe.
 */
export async function* catFiles(
  repo: Repository,
  specs: Iterable<string>,
  o: { indexFile?: string | undefined } = {},
): AsyncGenerator<CatFile, void> {
  const env: Environment = repo.env(o);
  const child = new GitProcess(['cat-file', '--batch', '-z'], {
    cwd: repo.workTree || repo.gitDir,
    env,
  });
  try {
    let batch: string[] = [];
    for (const spec of specs) {
      batch.push(spec);
      if (batch.length < 64) continue;
      yield* ask(child, batch);
      batch = [];
    }
    yield* ask(child, batch);
    const { code, stderr } = await child.end();
    // Git answers "missing" for an object that it has but cannot read, and complains aside.
    if (code !== 0 || /^(error|fatal): /m.test(stderr)) throw gitFailed(['cat-file'], code, stderr);
  } finally {
    child.kill();
  }
}

async function* ask(child: GitProcess, specs: readonly string[]): AsyncGenerator<CatFile, void> {
  // Not awaited: the child writes its first answers before it has read the last question.
  const asked = child.write(specs.map((spec) => `${spec}\0`).join(''));
  for (const spec of specs) {
    const header = await readHeader(child, spec);
    if (!header) {
      yield { spec, oid: null, type: '', content: Buffer.alloc(0) };
      continue;
    }
    const [, oid = '', type = '', size = '0'] = header;
    const content = await child.read(Number(size));
    await child.read(1);
    yield { spec, oid, type, content };
  }
  await asked;
}

/** The content of one object, or null. */
export async function catFile(
  repo: Repository,
  spec: string,
  o: { indexFile?: string | undefined } = {},
): Promise<Buffer | null> {
  let content: Buffer | null = null;
  // To the end, which is where a complaint of git is noticed.
  for await (const file of catFiles(repo, [spec], o)) if (file.oid !== null) content = file.content;
  return content;
}

/** Calls `body` with a file that holds a blob, which may be larger than memory. */
export async function unpacked<T>(
  repo: Repository,
  oid: string,
  body: (file: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(repo.scratch(), 'blob-'));
  try {
    // Git would look for a repository from here, and write into the root of a work tree around it.
    const env = { GIT_DIR: repo.gitDir, GIT_WORK_TREE: folder };
    const { stdout: name } = await repo.git(['unpack-file', oid], { cwd: folder, env });
    return await body(join(folder, name.trim()));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
