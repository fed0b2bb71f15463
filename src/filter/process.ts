/**
 * The requests of the long-running filter protocol of gitattributes(5): one process per git command.
 *
 * In: packets from git, after the greeting (handshake.ts). Out: packets, and nothing else there; messages go to
 * standard error.
 *
 * An error that concerns one file is answered with `status=error`: `filter.theta.required` makes
 * git stop at it. One that we did not foresee is answered with `status=abort`.
 */
import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import { missingObjects } from '../store/missing';
import { cleanFile } from './clean-file';
import { DelayedFiles } from './delayed';
import type { FilterChannel } from './handshake';
import { describe, foreseen } from './report';
import { ensureHooks } from './set-up';
import {
  fetchMissing,
  materialise,
  policyFor,
  type SmudgePolicy,
  smudgeable,
  smudgePolicy,
} from './smudge';
import { released, Spool } from './spool';

/** Answers git until it closes the input; `first` has been read already. */
export async function filterProcess(
  repo: Repository,
  channel: FilterChannel,
  first: string[] | null,
  options: { skip?: boolean } = {},
): Promise<void> {
  const session = new Session(repo, channel, options.skip ?? false);
  for (let request = first; request; request = channel.reader.readList()) {
    await session.answer(fields(request));
  }
}

function fields(lines: string[]): Map<string, string> {
  return new Map(
    lines.map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}

/** One run of git. */
class Session {
  private readonly delayed: DelayedFiles;
  private found: Promise<SmudgePolicy> | null = null;

  constructor(
    private readonly repo: Repository,
    private readonly channel: FilterChannel,
    private readonly skip: boolean,
  ) {
    this.delayed = new DelayedFiles(repo, (refs) => this.fetch(refs));
  }

  /** Looked up for the first file that needs it. */
  private policy(): Promise<SmudgePolicy> {
    this.found ??= ensureHooks(this.repo).then(() => smudgePolicy(this.repo, this.skip));
    return this.found;
  }

  async answer(request: Map<string, string>): Promise<void> {
    const path = request.get('pathname') ?? '';
    const command = request.get('command');
    if (command === 'list_available_blobs') return this.list();
    const content = this.channel.reader.content();
    // Unlike the generator's own iterator, this one can be continued after a break.
    const input = { [Symbol.iterator]: () => ({ next: () => content.next() }) };
    let started = false;
    try {
      if (command === 'clean') {
        const text = await cleanFile(this.repo, path, input);
        this.channel.writer.list(['status=success']);
        started = true;
        this.channel.writer.data(Buffer.from(text));
      } else if (command === 'smudge') {
        const answer = await this.smudge(path, input, request.get('can-delay') === '1');
        if (!answer) return;
        this.channel.writer.list(['status=success']);
        started = true;
        for (const piece of answer) this.channel.writer.data(piece);
      } else
        throw new ThetaError('ERR_THETA_PROTOCOL', `git asked for the unknown command ${command}`);
      this.channel.writer.flush();
      this.channel.writer.list([]);
    } catch (error) {
      this.channel.warn(describe(error));
      while (!content.next().done);
      // Content that has begun is ended; the status after it is the one that counts.
      if (started) this.channel.writer.flush();
      this.channel.writer.list([foreseen(error) ? 'status=error' : 'status=abort']);
    }
  }

  /** The content to answer with; null when the answer `delayed` has been given. */
  private async smudge(
    path: string,
    input: Iterable<Buffer>,
    canDelay: boolean,
  ): Promise<Iterable<Buffer> | null> {
    const spool = new Spool(() => this.repo.temp());
    for (const piece of input) spool.write(piece);
    const file = spool.size === 0 ? this.delayed.take(path) : smudgeable(spool, path);
    if (!file) return released(spool);
    spool.discard();

    const policy = policyFor(path, await this.policy());
    const missing = missingObjects(this.repo, file.manifest);
    if (missing.length > 0 && !policy.skip) {
      if (canDelay) {
        this.delayed.add(path, file);
        this.channel.writer.list(['status=delayed']);
        return null;
      }
      await this.fetch(missing);
    }
    return materialise(this.repo, path, file.manifest, policy) ?? [file.blob];
  }

  /** What cannot be fetched is reported with the file that needs it, when git asks for that. */
  private async fetch(refs: Parameters<typeof fetchMissing>[1]): Promise<void> {
    try {
      await fetchMissing(this.repo, refs, this.channel.progress);
    } catch (error) {
      this.channel.warn(describe(error));
    }
  }

  private async list(): Promise<void> {
    const paths = await this.delayed.available();
    this.channel.writer.list(paths.map((path) => `pathname=${path}`));
    this.channel.writer.list(['status=success']);
  }
}
