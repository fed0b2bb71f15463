/**
 * Packets of git's wire format: four hexadecimal digits of length, then data; `0000` is a flush.
 *
 * In: a source of bytes. Out: data, flush, end. Refused: a malformed length, an end inside a packet. Reading and writing
 * block: a filter has nothing else to do, and blocking calls are what makes it fast.
 */
import { readSync, writeSync } from 'node:fs';
import { ThetaError } from '../errors';

/** Most bytes of data in one packet. */
export const MAX_PACKET = 65516;
/** The flush packet. */
export const FLUSH: Buffer = Buffer.from('0000');

const BUFFER = 256 * 1024;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** One data packet of at most {@link MAX_PACKET} bytes. */
export function packet(data: string | Uint8Array): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  if (bytes.length > MAX_PACKET) throw malformed('too much data for a packet');
  return Buffer.concat([header(bytes.length), bytes]);
}

/** Text packets with a newline each, then a flush. */
export function packetList(lines: readonly string[]): Buffer {
  return Buffer.concat([...lines.map((line) => packet(`${line}\n`)), FLUSH]);
}

/** Length of a packet's data; null for a flush. */
export function parseLength(digits: Uint8Array): number | null {
  const text = String.fromCharCode(...digits.subarray(0, 4));
  const length = /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : -1;
  if (length === 0) return null;
  if (length < 4 || length > MAX_PACKET + 4) throw malformed('a packet of a wrong length');
  return length - 4;
}

function header(length: number): Buffer {
  return Buffer.from((length + 4).toString(16).padStart(4, '0'));
}

function malformed(what: string): ThetaError {
  return new ThetaError('ERR_THETA_PROTOCOL', `git's protocol: ${what}`);
}

function wouldBlock(error: unknown): boolean {
  if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
  // The other side made the pipe non-blocking.
  Atomics.wait(pause, 0, 0, 1);
  return true;
}

function readDescriptor(descriptor: number, into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(descriptor, into, 0, into.length, null);
    } catch (error) {
      // Windows reports the end of a pipe as an error.
      if ((error as NodeJS.ErrnoException).code === 'EOF') return 0;
      if (!wouldBlock(error)) throw error;
    }
  }
}

function writeDescriptor(descriptor: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(descriptor, data, at, data.length - at);
    } catch (error) {
      if (!wouldBlock(error)) throw error;
    }
  }
}

/** A file descriptor, bytes, or a function that fills a buffer and returns how many bytes it gave (0 at the end). */
export type PacketSource = number | Uint8Array | ((into: Uint8Array) => number);

/** Reads packets. Data that it hands out is valid until the next read, unless said otherwise. */
export class PacketReader {
  readonly #fill: (into: Uint8Array) => number;
  readonly #buffer = Buffer.allocUnsafe(BUFFER);
  #start = 0;
  #end = 0;

  constructor(source: PacketSource) {
    if (typeof source === 'function') this.#fill = source;
    else if (typeof source === 'number') this.#fill = (into) => readDescriptor(source, into);
    else {
      let rest = source;
      this.#fill = (into) => {
        const length = Math.min(into.length, rest.length);
        into.set(rest.subarray(0, length));
        rest = rest.subarray(length);
        return length;
      };
    }
  }

  /** Makes `bytes` available at the start; false at the end of the input. */
  #need(bytes: number): boolean {
    if (this.#start + bytes > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (this.#end - this.#start < bytes) {
      const read = this.#fill(this.#buffer.subarray(this.#end));
      if (read === 0) return false;
      this.#end += read;
    }
    return true;
  }

  /** Data; null for a flush; undefined at the end of the input. */
  read(): Buffer | null | undefined {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (!this.#need(4)) {
      if (this.#end === this.#start) return undefined;
      throw malformed('the input ends inside a packet');
    }
    const length = parseLength(this.#buffer.subarray(this.#start, this.#start + 4));
    this.#start += 4;
    if (length === null) return null;
    if (!this.#need(length)) throw malformed('the input ends inside a packet');
    const data = this.#buffer.subarray(this.#start, this.#start + length);
    this.#start += length;
    return data;
  }

  /** Text packets up to the flush, without newlines; null at the end of the input. */
  readList(): string[] | null {
    const lines: string[] = [];
    for (;;) {
      const data = this.read();
      if (data === null) return lines;
      if (data === undefined) {
        if (lines.length === 0) return null;
        throw malformed('the input ends inside a list');
      }
      lines.push(data.toString().replace(/\n$/, ''));
    }
  }

  /** Data up to the flush, packet by packet. */
  *content(): Generator<Buffer, void> {
    for (;;) {
      const data = this.read();
      if (data === null) return;
      if (data === undefined) throw malformed('the input ends inside a file');
      if (data.length > 0) yield data;
    }
  }

  /** All data up to the flush, in memory of its own. */
  readAll(limit: number = Number.MAX_SAFE_INTEGER): Buffer {
    const parts: Buffer[] = [];
    let size = 0;
    for (const data of this.content()) {
      size += data.length;
      if (size > limit) throw malformed(`more than ${limit} bytes`);
      parts.push(Buffer.from(data));
    }
    return Buffer.concat(parts);
  }

  /** Reads up to the flush and forgets. */
  drain(): void {
    for (const _ of this.content());
  }
}

/** Writes packets to a file descriptor or a function. */
export class PacketWriter {
  readonly #write: (data: Uint8Array) => void;

  constructor(sink: number | ((data: Uint8Array) => void)) {
    this.#write = typeof sink === 'number' ? (data) => writeDescriptor(sink, data) : sink;
  }

  /** Text packets with a newline each, then a flush. */
  list(lines: readonly string[]): void {
    this.#write(packetList(lines));
  }

  /** Data in as many packets as it takes; no flush. */
  data(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MAX_PACKET) {
      this.#write(packet(bytes.subarray(at, at + MAX_PACKET)));
    }
  }

  flush(): void {
    this.#write(FLUSH);
  }
}
