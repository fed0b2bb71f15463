import { ThetaError } from '../errors';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Most bytes in one packet. */
export const MAX_PACKET = 65516;
/** The flush packet. */
export const FLUSH: Buffer = Buffer.from('0000');
/** One data packet. */
export function packet(_data: string | Uint8Array): Buffer {
  return todo();
}
/** Text packets (a newline is added to each), then a flush. */
export function packetList(_lines: string[]): Buffer {
  return todo();
}
/** Where bytes come from: a file descriptor, a buffer, or a function that fills a buffer and returns how many (0 at the end). */
export type PacketSource = number | Uint8Array | ((into: Uint8Array) => number);
/** Synchronous reader. Data handed out is valid until the next read. */
export class PacketReader {
  constructor(_source: PacketSource) {
    todo();
  }
  /** Data, null for flush, undefined at the end of the input. */
  read(): Buffer | null | undefined {
    return todo();
  }
  /** Text packets up to the flush, newlines removed; null at the end of the input. */
  readList(): string[] | null {
    return todo();
  }
  /** Data packets up to the flush. */
  content(): Generator<Buffer, void> {
    return todo();
  }
  /** All data up to the flush, copied; refuses more than `limit` bytes. */
  readAll(_limit?: number): Buffer {
    return todo();
  }
  drain(): void {
    todo();
  }
}
/** Synchronous writer. */
export class PacketWriter {
  constructor(_sink: number | ((data: Uint8Array) => void)) {
    todo();
  }
  /** Text packets and a flush. */
  list(_lines: string[]): void {
    todo();
  }
  /** Data, split into packets; no flush. */
  data(_bytes: Uint8Array): void {
    todo();
  }
  flush(): void {
    todo();
  }
}
