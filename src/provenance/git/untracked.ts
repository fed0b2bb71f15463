/**
 * A digest that tells one set of changed or untracked files from another.
 *
 * In: paths, one character for each byte. Out: SHA-256 over a line for each path in the order of its bytes: the path,
 * NUL, and what is there (`file` with the SHA-256 of its content, `link` with that of its target, `large` with its size
 * for a file over 10 MiB, `absent`, `other`), or `null` for none and for more than can be read in a moment.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { fileOf } from './ask';

const LARGE = 10 * 1024 * 1024;
const MOST_FILES = 20_000;
const MOST_BYTES = 1024 * 1024 * 1024;
const AT_ONCE = 8;

/** The digest. */
export async function digestOf(
  top: string,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<string | null> {
  if (paths.length === 0 || paths.length > MOST_FILES) return null;
  const sorted = [...paths].sort();
  const contents: string[] = [];
  let next = 0;
  let left = MOST_BYTES;
  const work = async (): Promise<void> => {
    while (next < sorted.length && left >= 0 && !signal?.aborted) {
      const at = next++;
      const { what, bytes } = await describe(fileOf(top, sorted[at] ?? ''));
      contents[at] = what;
      left -= bytes;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (left < 0 || signal?.aborted) return null;
  const whole = createHash('sha256');
  for (const [at, path] of sorted.entries())
    whole.update(`${path}\0`, 'latin1').update(`${contents[at]}\n`);
  return whole.digest('hex');
}

/** What is at a path, and how much of it was read. */
async function describe(path: Buffer): Promise<{ what: string; bytes: number }> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) {
      const target = await readlink(path, { encoding: 'buffer' });
      return { what: `link ${sha256(target)}`, bytes: target.length };
    }
    if (!found.isFile()) return { what: 'other', bytes: 0 };
    if (found.size > LARGE) return { what: `large ${found.size}`, bytes: 0 };
    const content = await readFile(path, found.size);
    return { what: `file ${sha256(content)}`, bytes: content.length };
  } catch (error) {
    // Two sets with what may not be read are told apart by their names.
    const absent = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    return { what: absent ? 'absent' : 'unreadable', bytes: 0 };
  }
}

/** At most the size that the file had: it may have become something without an end. */
async function readFile(path: Buffer, size: number): Promise<Buffer> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags);
  try {
    const content = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await file.read(content, length, size - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return content.subarray(0, length);
  } finally {
    await file.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
