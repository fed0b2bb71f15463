/**
 * Holds a stream until it has been read to its end: in memory while small, then in a file.
 *
 * In: pieces of bytes, which are copied. Out: the same bytes, piece by piece, in bounded memory.
 * git writes a whole file to a filter before it reads the answer, so an answer that repeats its
 * input (a checkpoint that was committed before it was tracked) has to be kept somewhere.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAll } from '../failure';

const MEMORY = 8 * 1024 * 1024;
const PIECE = 1024 * 1024;

/** One stream on hold. Call `discard` when done with it. */
export class Spool {
  private held: Buffer[] = [];
  private file: { folder: string; fd: number } | null = null;
  /** Bytes so far. */
  size = 0;

  constructor(
    private readonly temp: () => string,
    private readonly memory = MEMORY,
  ) {}

  write(piece: Uint8Array): void {
    this.size += piece.length;
    if (!this.file && this.size <= this.memory) {
      this.held.push(Buffer.from(piece));
      return;
    }
    if (!this.file) {
      const folder = mkdtempSync(join(this.temp(), 'spool-'));
      this.file = { folder, fd: openSync(join(folder, 'content'), 'wx+', 0o600) };
      for (const earlier of this.held.splice(0)) writeAll(this.file.folder, this.file.fd, earlier);
    }
    writeAll(this.file.folder, this.file.fd, piece);
  }

  /** Everything in one buffer; only for streams known to be small. */
  toBuffer(): Buffer {
    const pieces: Buffer[] = [];
    for (const piece of this.pieces()) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  /** The bytes again. A piece is valid until the next one is asked for. */
  *pieces(): Generator<Buffer, void> {
    if (!this.file) {
      yield* this.held;
      return;
    }
    const buffer = Buffer.allocUnsafe(PIECE);
    for (let position = 0; ; ) {
      const count = readSync(this.file.fd, buffer, 0, PIECE, position);
      if (count === 0) return;
      position += count;
      yield buffer.subarray(0, count);
    }
  }

  discard(): void {
    this.held = [];
    if (!this.file) return;
    closeSync(this.file.fd);
    rmSync(this.file.folder, { recursive: true, force: true });
    this.file = null;
  }
}

/** A stream on hold, given up when it has been read or abandoned. */
export function* released(spool: Spool): Generator<Buffer, void> {
  try {
    yield* spool.pieces();
  } finally {
    spool.discard();
  }
}
