/**
 * The code at one moment of a run, and whether it is that of another moment.
 *
 * In: a folder. Out: the state of the code, and a digest of what is uncommitted, which tells two edits of the same file
 * apart. Models and untracked files do not count: a run writes them. Refused: what `gitStatus` refuses.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type GitStatus, gitStatus } from '../git';
import { askIn } from '../git/ask';
import type { RunState } from '../stamp';

/** Larger files, and those beyond this number, are told apart by their size and time. */
const LARGE = 10 * 1024 * 1024;
const MOST = 1000;

/** The code at one moment. */
export interface CodeAt {
  readonly status: GitStatus;
  /** Of the tracked files that differ from HEAD. */
  readonly digest: string;
}

/** The code now. @throws ThetaError as `gitStatus` */
export async function codeNow(dir: string): Promise<CodeAt> {
  return codeAt(dir, await gitStatus(dir));
}

/** The code of a state that was just asked for. */
export async function codeAt(dir: string, status: GitStatus): Promise<CodeAt> {
  const hash = createHash('sha256');
  if (status.changed.length > 0) {
    const { text } = await askIn(dir)(['rev-parse', '--show-toplevel']);
    const top = Buffer.from(text.replace(/\r?\n$/, ''), 'latin1').toString();
    for (const [at, { path, kinds }] of status.changed.entries()) {
      const what = await describe(join(top, path), at < MOST);
      hash.update(`${path}\0${kinds.join(',')}\0${what}\n`);
    }
  }
  return { status, digest: hash.digest('hex') };
}

async function describe(path: string, read: boolean): Promise<string> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile() || !read || stats.size > LARGE) return `${stats.size} ${stats.mtimeMs}`;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch {
    return 'absent';
  }
}

/** What a stamp records of a moment. */
export function runState({ status: { state } }: CodeAt): RunState {
  const { commit, code_tree, code_dirty } = state;
  return { commit, code_tree, code_dirty };
}

/** Whether the code differs. A commit of models alone is no other code. */
export function isOtherCode(a: CodeAt, b: CodeAt): boolean {
  const [one, other] = [runState(a), runState(b)];
  const tree = ({ code_tree, commit }: RunState) => code_tree ?? commit;
  return tree(one) !== tree(other) || one.code_dirty !== other.code_dirty || a.digest !== b.digest;
}
