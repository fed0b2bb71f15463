/**
 * Stand-in for the native addon: the contract's types, and functions that refuse. Replaced together with the addon.
 */
import { ThetaError } from './errors';

export interface ProgressEvent {
  bytes: number;
  total: number;
  tensors: number;
  totalTensors: number;
  reused: number;
}

export interface WorkOptions {
  signal?: AbortSignal;
  onProgress?: (p: ProgressEvent) => void;
  threads?: number;
}

function absent(): never {
  throw new ThetaError('ERR_THETA_INTERNAL', 'the native addon is not built');
}

export function decompose(
  _source: string | Uint8Array,
  _o: WorkOptions & { store: string; temp?: string; previous?: string[] },
): Promise<{ records: string; written: number; bytesWritten: number }> {
  return absent();
}

export function compose(
  _records: string,
  _o: WorkOptions & { stores: string[]; output: string },
): Promise<{ bytes: number }> {
  return absent();
}

export class Composition {
  constructor(_records: string, _stores: string[]) {
    absent();
  }
  readonly size: number = 0;
  read(_into: Uint8Array): number {
    return absent();
  }
  close(): void {
    absent();
  }
}

export class CleanStream {
  constructor(_path: string | null, _temp: string) {
    absent();
  }
  write(_data: Uint8Array): void {
    absent();
  }
  finish(): { source: string; spooled: boolean; hash: string; size: number } {
    return absent();
  }
  discard(): void {
    absent();
  }
}

export function inspect(_source: string): Promise<string> {
  return absent();
}

export function readTensor(_records: string, _name: string, _stores: string[]): Promise<Buffer> {
  return absent();
}

export function chunkKeys(_records: string): string {
  return absent();
}

export function verifyObjects(
  _objects: string[],
  _stores: string[],
  _o?: WorkOptions,
): Promise<{ missing: string[]; corrupt: string[] }> {
  return absent();
}
