/**
 * Checkpoints whose smudge git has allowed us to answer later.
 *
 * In: paths with their blobs, as git asks for them. Out, when git asks what is available: all of
 * them, after everything that they need has been brought.
 *
 * Where the store's files are git-lfs's (see store/attributes.ts), it downloads the same objects at the same time. So
 * wait as long as its store or its unfinished downloads grow, then fetch what is still missing in one batch: no object
 * travels twice.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Repository } from '../git/repository';
import type { ObjectRef } from '../manifest';
import { isStoreOurs } from '../store/attributes';
import { missingObjects } from '../store/missing';
import type { Smudgeable } from './smudge';

const IDLE_MS = 2000;
const STEP_MS = 100;

/** The delayed files of one run of the filter. */
export class DelayedFiles {
  private readonly files = new Map<string, Smudgeable>();

  constructor(
    private readonly repo: Repository,
    private readonly fetch: (refs: ObjectRef[]) => Promise<void>,
    private readonly idle = IDLE_MS,
  ) {}

  add(path: string, file: Smudgeable): void {
    this.files.set(path, file);
  }

  /** Hands the file over and forgets it; undefined when it was never delayed. */
  take(path: string): Smudgeable | undefined {
    const file = this.files.get(path);
    this.files.delete(path);
    return file;
  }

  /** All delayed paths, once their objects are here. Throws what `fetch` throws. */
  async available(): Promise<string[]> {
    if (this.missing().length > 0) {
      const alone = await isStoreOurs(this.repo);
      if (alone || (await this.waitForLfs()) > 0) await this.fetch(this.missing());
    }
    return [...this.files.keys()];
  }

  private missing(): ObjectRef[] {
    return [...this.files.values()].flatMap(({ manifest }) => missingObjects(this.repo, manifest));
  }

  /** Returns when nothing is missing, or git-lfs has been idle; how many objects are missing. */
  private async waitForLfs(): Promise<number> {
    let seen = '';
    let since = Date.now();
    for (;;) {
      const missing = this.missing().length;
      if (missing === 0) return 0;
      const state = `${missing} ${this.incomplete()}`;
      if (state !== seen) since = Date.now();
      else if (Date.now() - since >= this.idle) return missing;
      seen = state;
      await sleep(STEP_MS);
    }
  }

  /** Bytes in unfinished downloads: they grow while one large object is on its way. */
  private incomplete(): number {
    let bytes = 0;
    for (const folder of ['incomplete', 'tmp']) {
      const path = join(this.repo.lfsDir, folder);
      try {
        for (const name of readdirSync(path)) {
          bytes += statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0;
        }
      } catch {
        // Made by git-lfs with its first download.
      }
    }
    return bytes;
  }
}
