/**
 * Entry of `git-theta-filter`: what git runs for `filter.theta`. It never loads the command line.
 *
 * In: `process [--skip]`, `clean PATH` or `smudge [--skip] PATH`. Out: the exit code; content goes
 * from standard input to standard output. With anything else, one usage line.
 */
import { readSync, writeSync } from 'node:fs';
import { PacketReader, PacketWriter } from '../git/pkt-line';
import { Repository } from '../git/repository';
import { clean } from './clean';
import { filterProcess } from './process';
import { describe } from './report';
import { ensureHooks } from './set-up';
import { smudgeOnce } from './smudge-once';

const USAGE = 'usage: git-theta-filter process [--skip] | clean <path> | smudge [--skip] <path>\n';

/** Runs the filter. `argv` is what follows the program's name. */
export async function main(argv: readonly string[]): Promise<number> {
  const [command = '', ...rest] = argv;
  const skip = rest[0] === '--skip';
  const path = rest[skip ? 1 : 0];
  if (!['process', 'clean', 'smudge'].includes(command) || (command !== 'process' && !path)) {
    warn(USAGE);
    return 129;
  }
  try {
    const repo = await Repository.discover(process.cwd(), { bare: true });
    if (command !== 'clean') await ensureHooks(repo);
    if (command === 'process') {
      const channel = { reader: new PacketReader(0), writer: new PacketWriter(1), warn };
      await filterProcess(repo, channel, { skip });
    } else if (command === 'clean') {
      output(Buffer.from(await clean(repo, path as string, input())));
    } else {
      for (const piece of await smudgeOnce(repo, path as string, input(), skip)) output(piece);
    }
    return 0;
  } catch (error) {
    // git has gone away: it has said why.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 1;
    warn(describe(error));
    return 1;
  }
}

function warn(text: string): void {
  process.stderr.write(text);
}

/** Standard input in pieces; a piece is valid until the next one. */
function* input(): Generator<Buffer, void> {
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  for (;;) {
    const count = retry(() => readSync(0, buffer, 0, buffer.length, null));
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}

function output(piece: Uint8Array): void {
  for (let done = 0; done < piece.length; ) done += retry(() => writeSync(1, piece, done));
}

/** A pipe that someone else made non-blocking answers EAGAIN. */
function retry(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
