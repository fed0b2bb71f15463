/**
 * The long-running filter protocol of gitattributes(5), version 2: one process per git command.
 *
 * In: packets from git on `input`. Out: packets on `output`, and nothing else there; messages go
 * to standard error. Capabilities: clean, smudge, delay.
 *
 * An error that concerns one file is answered with `status=error`: `filter.theta.required` makes
 * git stop at it. One that we did not foresee is answered with `status=abort`.
 */
import { ThetaError } from '../errors';
import type { PacketReader, PacketWriter } from '../git/pkt-line';
import type { Repository } from '../git/repository';
import { looksLikeManifest } from '../manifest';
import { missingObjects } from '../store/missing';
import { clean } from './clean';
import { type Delayed, DelayedFiles } from './delayed';
import { describe, foreseen } from './report';
import { fetchMissing, materialise, type SmudgePolicy, smudgeable, smudgePolicy } from './smudge';
import { released } from './smudge-once';
import { Spool } from './spool';

/** What the protocol runs on. */
export interface FilterChannel {
  readonly reader: PacketReader;
  readonly writer: PacketWriter;
  /** Where messages for people go. */
  warn(text: string): void;
}

/** Answers git until it closes the input. */
export async function filterProcess(
  repo: Repository,
  channel: FilterChannel,
  options: { skip?: boolean } = {},
): Promise<void> {
  handshake(channel);
  const session = new Session(repo, channel, await smudgePolicy(repo, options.skip ?? false));
  for (let request = channel.reader.readList(); request; request = channel.reader.readList()) {
    await session.answer(fields(request));
  }
}

function handshake({ reader, writer }: FilterChannel): void {
  const greeting = reader.readList() ?? [];
  if (greeting[0] !== 'git-filter-client' || !greeting.includes('version=2')) {
    throw new ThetaError(
      'ERR_THETA_PROTOCOL',
      'this command is started by git, with version 2 of the filter protocol',
    );
  }
  writer.list(['git-filter-server', 'version=2']);
  const offered = reader.readList() ?? [];
  const known = ['capability=clean', 'capability=smudge', 'capability=delay'];
  writer.list(known.filter((capability) => offered.includes(capability)));
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

  constructor(
    private readonly repo: Repository,
    private readonly channel: FilterChannel,
    private readonly policy: SmudgePolicy,
  ) {
    this.delayed = new DelayedFiles(repo, (refs) => this.fetch(refs));
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
        const manifest = await clean(this.repo, path, input);
        this.channel.writer.list(['status=success']);
        started = true;
        this.channel.writer.data(Buffer.from(manifest));
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
    const file = spool.size === 0 ? this.delayed.take(path) : this.manifest(spool, path);
    if (!file) return released(spool);
    spool.discard();

    const missing = missingObjects(this.repo, file.manifest);
    if (missing.length > 0 && !this.policy.skip) {
      if (canDelay) {
        this.delayed.add(path, file);
        this.channel.writer.list(['status=delayed']);
        return null;
      }
      await this.fetch(missing);
    }
    return materialise(this.repo, path, file.manifest, this.policy) ?? [file.blob];
  }

  private manifest(spool: Spool, path: string): Delayed | null {
    const first = spool.pieces().next().value;
    if (!first || !looksLikeManifest(first) || spool.size > 64 * 1024 * 1024) return null;
    const blob = spool.toBuffer();
    const manifest = smudgeable(blob, path);
    return manifest && { blob, manifest };
  }

  /** What cannot be fetched is reported with the file that needs it, when git asks for that. */
  private async fetch(refs: Parameters<typeof fetchMissing>[1]): Promise<void> {
    try {
      await fetchMissing(this.repo, refs);
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
