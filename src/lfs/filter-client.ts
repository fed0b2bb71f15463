/**
 * A client of `git lfs filter-process`, in the place of git.
 *
 * In: pointers. Out: the names of those whose objects Git LFS has downloaded, as they arrive. This reaches any object over
 * any transport, where `git lfs fetch` wants a commit. Refused: a Git LFS that does not know delayed answers.
 */
import { ThetaError } from '../errors';
import { FLUSH, packet, packetList, parseLength } from '../git/pkt-line';
import { GitProcess } from '../git/process';
import type { Repository } from '../git/repository';
import type { ObjectRef } from '../manifest/types';
import { printPointer } from './pointer';

/** `git lfs filter-process`, started and greeted. */
export class FilterClient {
  readonly #child: GitProcess;

  private constructor(child: GitProcess) {
    this.#child = child;
  }

  /** @param config - settings for this run, as `key=value`. */
  static async start(
    repo: Repository,
    config: readonly string[],
    signal?: AbortSignal,
  ): Promise<FilterClient> {
    const settings = config.flatMap((setting) => ['-c', setting]);
    const child = new GitProcess([...settings, 'lfs', 'filter-process'], {
      cwd: repo.workTree || repo.gitDir,
      // Whoever asks for objects means it, also where checking out leaves pointers.
      env: { ...repo.env(), GIT_LFS_SKIP_SMUDGE: '0' },
      ...(signal ? { signal } : {}),
    });
    const client = new FilterClient(child);
    await child.write(packetList(['git-filter-client', 'version=2']));
    await client.#list();
    await child.write(packetList(['capability=clean', 'capability=smudge', 'capability=delay']));
    const capabilities = await client.#list();
    if (!capabilities.includes('capability=delay')) {
      child.kill();
      throw new ThetaError(
        'ERR_THETA_LFS_TOO_OLD',
        'this Git LFS does not download several objects at once',
      );
    }
    return client;
  }

  async #packet(): Promise<Buffer | null> {
    const length = parseLength(await this.#child.read(4));
    return length === null ? null : this.#child.read(length);
  }

  async #list(): Promise<string[]> {
    const lines: string[] = [];
    for (let data = await this.#packet(); data; data = await this.#packet()) {
      lines.push(data.toString().replace(/\n$/, ''));
    }
    return lines;
  }

  async #drain(): Promise<void> {
    while (await this.#packet());
  }

  /**
   * Asks for an object. True: it will be listed when it is here. False: it is here, or cannot be had.
   *
   * @param delay - without it Git LFS tries at once, and says what is wrong if it fails.
   */
  async request(ref: ObjectRef, delay = true): Promise<boolean> {
    await this.#child.write(
      Buffer.concat([
        packetList(['command=smudge', `pathname=${ref.oid}`, ...(delay ? ['can-delay=1'] : [])]),
        packet(printPointer(ref)),
        FLUSH,
      ]),
    );
    const status = await this.#list();
    if (status.includes('status=delayed')) return true;
    if (status.includes('status=success')) {
      await this.#drain();
      await this.#list();
    }
    return false;
  }

  /** Names of objects that have arrived since the last call; waits for one. None: no more will. */
  async available(): Promise<string[]> {
    await this.#child.write(packetList(['command=list_available_blobs']));
    const lines = await this.#list();
    await this.#list();
    return lines.filter((line) => line.startsWith('pathname=')).map((line) => line.slice(9));
  }

  /** Ends the process; what it said on the way. */
  async end(): Promise<string> {
    return (await this.#child.end()).stderr;
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill();
  }
}
