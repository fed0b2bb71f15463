/**
 * Entry of `git-theta-filter`: what git runs for `filter.theta`. It never loads the command line.
 *
 * In: `process [--skip]`, `clean PATH` or `smudge [--skip] PATH`. Out: the exit code; content goes
 * from standard input to standard output. With anything else, one usage line.
 */
import { readSync, writeSync } from 'node:fs';
import { PacketReader, PacketWriter } from '../git/pkt-line';
import { handshake, type StartTransfer } from './handshake';
import { describe } from './report';

const USAGE = 'usage: git-theta-filter process [--skip] | clean <path> | smudge [--skip] <path>\n';

/** Runs the filter. `argv` is what follows the program's name; `progress` shows how far downloads are. */
export async function main(argv: readonly string[], progress?: StartTransfer): Promise<number> {
  const [command = '', ...rest] = argv;
  const skip = rest[0] === '--skip';
  const path = rest[skip ? 1 : 0];
  if (!['process', 'clean', 'smudge'].includes(command) || (command !== 'process' && !path)) {
    warn(USAGE);
    return 129;
  }
  try {
    if (command === 'process') await serve(skip, progress);
    else await filterOnce(command, path as string, skip, progress);
    return 0;
  } catch (error) {
    // git has gone away: it has said why.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 1;
    warn(describe(error));
    return 1;
  }
}

/** The protocol. Everything behind the greeting is loaded only when git asks for something. */
async function serve(skip: boolean, progress?: StartTransfer): Promise<void> {
  const channel = { reader: new PacketReader(0), writer: new PacketWriter(1), warn, progress };
  handshake(channel);
  const first = channel.reader.readList();
  if (!first) return;
  const { Repository } = await import('../git/repository');
  const { filterProcess } = await import('./process');
  const repo = await Repository.discover(process.cwd(), { bare: true });
  await filterProcess(repo, channel, first, { skip });
}

/** One file, for tools that do not speak the protocol. */
async function filterOnce(
  command: string,
  path: string,
  skip: boolean,
  progress?: StartTransfer,
): Promise<void> {
  const { Repository } = await import('../git/repository');
  const repo = await Repository.discover(process.cwd(), { bare: true });
  if (command === 'clean') {
    const { cleanFile } = await import('./clean-file');
    output(Buffer.from(await cleanFile(repo, path, input())));
    return;
  }
  const { smudgeOnce } = await import('./smudge-once');
  for (const piece of await smudgeOnce(repo, path, input(), skip, progress)) output(piece);
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
