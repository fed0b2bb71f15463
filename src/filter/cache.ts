/**
 * Answers of the clean filter, by content.
 *
 * In: the BLAKE3 hash of a checkpoint's bytes. Out: the manifest that those bytes had the last
 * time. git runs the filter on every `status` while a change of the same size is unstaged, and
 * several times for one `diff` or `stash`: with the cache such a repeat costs one hashing pass.
 *
 * Refused: an entry that is not a manifest, and one of whose objects is not in any store. All
 * objects are looked up, not a sample: a `stat` costs microseconds, and a manifest whose objects
 * are gone would be a commit that cannot be checked out.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { hasObject } from '../lfs/store';
import { manifestObjects, parseManifest } from '../manifest';

/** At most so many answers are kept … */
export const MAX_ENTRIES = 256;
/** … of together at most so many bytes. */
export const MAX_BYTES = 64 * 1024 * 1024;

const NAME = /^[0-9a-f]{64}$/;

/** The cache below one repository's own folder (`repo.thetaDir`). */
export class CleanCache {
  private readonly folder: string;

  constructor(
    thetaDir: string,
    private readonly stores: readonly string[],
  ) {
    this.folder = join(thetaDir, 'cache', 'clean');
  }

  /** The manifest text for this content hash; null when unknown or no longer backed by objects. */
  get(hash: string): string | null {
    if (!NAME.test(hash)) return null;
    const path = join(this.folder, hash);
    try {
      const text = readFileSync(path, 'utf8');
      const objects = manifestObjects(parseManifest(text));
      const present = objects.every((ref) => this.stores.some((store) => hasObject(store, ref)));
      if (present) return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    }
    try {
      rmSync(path, { force: true });
    } catch {
      // Read-only repository: it is refused again the next time.
    }
    return null;
  }

  /** Remembers an answer. Failure is silent: a cache that cannot be written is only slower. */
  put(hash: string, text: string): void {
    if (!NAME.test(hash) || text.length > MAX_BYTES / 4) return;
    try {
      mkdirSync(this.folder, { recursive: true });
      const temp = join(this.folder, `.${hash}.${process.pid}`);
      writeFileSync(temp, text);
      renameSync(temp, join(this.folder, hash));
      this.trim();
    } catch {
      // Read-only repository or full disk: the answer itself has been given already.
    }
  }

  /** Drops the oldest answers beyond the bounds, and what a killed process left behind. */
  private trim(): void {
    const entries = readdirSync(this.folder)
      .map((name) => {
        const { mtimeMs, size } = statSync(join(this.folder, name));
        return { name, mtimeMs, size };
      })
      .sort((a, b) => b.mtimeMs - a.mtimeMs);
    const hourAgo = Date.now() - 3_600_000;
    let bytes = 0;
    entries.forEach(({ name, mtimeMs, size }, rank) => {
      bytes += size;
      const stale = name.startsWith('.') && mtimeMs < hourAgo;
      if (rank >= MAX_ENTRIES || bytes > MAX_BYTES || stale)
        rmSync(join(this.folder, name), { force: true });
    });
  }
}
