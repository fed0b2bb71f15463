/**
 * Which files are still as the index has seen them.
 *
 * In: paths. Out: those whose size, times and inode are the ones that the index recorded, without a look at their
 * content. `git diff-files` cannot be asked: it cleans every file that is as new as the index.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import type { Repository } from '../git/repository';

/** The paths that nothing wrote to since git recorded them. */
export async function unchangedFiles(
  repo: Repository,
  paths: readonly string[],
  options: { indexFile?: string | undefined } = {},
): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  const { stdout } = await repo.git(['ls-files', '--debug', '-z', '--', ...paths], {
    indexFile: options.indexFile,
    env: { GIT_LITERAL_PATHSPECS: '1' },
  });
  const unchanged = new Set<string>();
  // `<path>\0` and five lines of numbers, for each entry.
  const entry =
    /([^\0]+)\0 {2}ctime: (\d+):(\d+)\n {2}mtime: (\d+):(\d+)\n {2}dev: \d+\tino: (\d+)\n[^\n]*\n {2}size: (\d+)\t[^\n]*\n/gy;
  for (const [, path = '', cs, cn, ms, mn, ino, size] of stdout.matchAll(entry)) {
    const stats = lstatSync(repo.absolute(path), { bigint: true, throwIfNoEntry: false });
    if (!stats?.isFile()) continue;
    const same =
      sameTime(stats, 'ctimeNs', cs, cn) &&
      sameTime(stats, 'mtimeNs', ms, mn) &&
      // The index has 32 bits of these.
      BigInt.asUintN(32, stats.ino) === BigInt(ino ?? 0) &&
      BigInt.asUintN(32, stats.size) === BigInt(size ?? 0);
    if (same) unchanged.add(path);
  }
  return unchanged;
}

function sameTime(
  stats: BigIntStats,
  field: 'ctimeNs' | 'mtimeNs',
  seconds = '0',
  nanoseconds = '0',
): boolean {
  return stats[field] === BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}
