/**
 * The native core. The only file that loads the addon: it adapts signals and progress, and turns the addon's errors
 * into `ThetaError` with the core's own code and message.
 *
 * Records cross the boundary as the JSON text of one array, in the manifest's order. Sizes are in bytes.
 */
import * as addon from '../native/index.js';
import { ThetaError } from './errors';

/** How far work has come. Sizes in bytes of the checkpoint file; `reused` is the part that needed no new object. */
export interface ProgressEvent {
  bytes: number;
  total: number;
  tensors: number;
  totalTensors: number;
  reused: number;
}

/** What all long work takes. */
export interface WorkOptions {
  /** Stops the work, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called about ten times a second, and once at the end. */
  onProgress?: ((progress: ProgressEvent) => void) | undefined;
  /** Threads; chosen from the processors by default. */
  threads?: number | undefined;
}

/** Milliseconds between two calls of `onProgress`. */
const PROGRESS_INTERVAL = 100;

/** The addon's errors carry the core's code; under jest they are errors of another realm. */
function typed(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code !== 'string' || !code.startsWith('ERR_THETA_')) return error;
  const text = String(message).replace(/ \(os error \d+\)$/, '');
  // The core's `Error::Io`: an action, the file, and what the system says.
  const path = /^(?:reading|writing|making) (.+): /s.exec(text)?.[1];
  return new ThetaError(code, text, { cause: error, path });
}

function call<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw typed(error);
  }
}

async function run<T>(options: WorkOptions, start: (work: addon.Work) => Promise<T>): Promise<T> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const work = new addon.Work();
  const stop = () => work.cancel();
  signal?.addEventListener('abort', stop, { once: true });
  const timer = onProgress && setInterval(() => onProgress(work.progress()), PROGRESS_INTERVAL);
  try {
    const result = await start(work);
    onProgress?.(work.progress());
    return result;
  } catch (error) {
    signal?.throwIfAborted();
    throw typed(error);
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** What `decompose` works with. */
export interface DecomposeOptions extends WorkOptions {
  /** Folder that objects go into, as `ab/cd/<oid>`. */
  store: string;
  /** Folder for temporary files, on the store's file system; the store itself by default. */
  temp?: string | undefined;
  /** Record arrays of earlier versions: arrays with the same name, hash and order keep their objects. */
  previous?: string[] | undefined;
  /** Write objects through to the disk. */
  sync?: boolean | undefined;
}

/** The records of a checkpoint, and what was new in the store. */
export interface Decomposed {
  records: string;
  /** Objects that were not there before. */
  written: number;
  bytesWritten: number;
}

/**
 * Splits a checkpoint, a file or bytes in memory (not copied: they must not change until the promise settles).
 * Content is never an error; what cannot be split is stored whole, with the reason in the header record.
 */
export function decompose(
  source: string | Uint8Array,
  options: DecomposeOptions,
): Promise<Decomposed> {
  const { store, temp, previous, threads, sync } = options;
  return run(options, (work) =>
    addon.decompose(source, clean({ store, temp, previous, threads, sync }), work),
  );
}

/** What `compose` works with. */
export interface ComposeOptions extends WorkOptions {
  /** Folders to look for objects in, in this order. */
  stores: string[];
  /** The file to write; it appears whole or not at all. */
  output: string;
  /** Write the file through to the disk. */
  sync?: boolean | undefined;
}

/** Puts a checkpoint together. */
export async function compose(
  records: string,
  options: ComposeOptions,
): Promise<{ bytes: number }> {
  const { stores, output, threads, sync } = options;
  const bytes = await run(options, (work) =>
    addon.compose(records, clean({ stores, output, threads, sync }), work),
  );
  return { bytes };
}

/** Leaves out what is undefined: the addon takes absent for default, not undefined. */
function clean<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/**
 * A checkpoint as a stream of bytes, for filters: `read` blocks. Everything is verified before its last byte is given
 * out; a missing or damaged object throws.
 */
export class Composition {
  readonly #inner: addon.Composition;

  constructor(records: string, stores: string[]) {
    this.#inner = call(() => new addon.Composition(records, stores));
  }

  /** Size of the whole in bytes. */
  get size(): number {
    return this.#inner.size;
  }

  /** Fills `into` from its start; returns the number of bytes, less than its length only at the end. */
  read(into: Buffer): number {
    return call(() => this.#inner.read(into));
  }

  /** Stops the threads and frees everything. */
  close(): void {
    this.#inner.close();
  }
}

/**
 * Bytes that arrive through a pipe and are probably those of the file `path`: compared as they arrive, spooled into
 * `temp` only where they differ.
 */
export class CleanStream {
  readonly #inner: addon.CleanStream;

  constructor(path: string | null, temp: string) {
    this.#inner = new addon.CleanStream(path, temp);
  }

  /** Takes the next bytes. */
  write(data: Uint8Array): void {
    call(() => this.#inner.write(data));
  }

  /** Ends the stream: `source` is a file with these bytes, to be removed by the caller when `spooled`; `hash` is their BLAKE3. */
  finish(): { source: string; spooled: boolean; hash: string; size: number } {
    return call(() => this.#inner.finish());
  }

  /** Drops the stream and its temporary file. */
  discard(): void {
    this.#inner.discard();
  }
}

/** What `inspect` finds out. */
export interface InspectOptions extends WorkOptions {
  /** Only what a manifest would have: format and stored tensors. */
  bare?: boolean | undefined;
  /** Hash the values of every tensor. */
  hash?: boolean | undefined;
  /** Hash only tensors of these names. */
  only?: string[] | undefined;
}

/** What is at a path, from its headers, as JSON: the fields of `Inspection`. */
export function inspect(source: string, options: InspectOptions = {}): Promise<string> {
  const { bare, hash, only, threads } = options;
  return run(options, (work) => addon.inspect(source, clean({ bare, hash, only, threads }), work));
}

/** Patterns for the weights in a folder, relative to it, as in attribute files; without quotes. */
export function weightPatterns(folder: string): Promise<string[]> {
  return run({}, () => addon.weightPatterns(folder));
}

/** What the file of a manifest is besides its tensors, from the objects of its skeleton, as JSON. */
export function describe(records: string, stores: string[]): Promise<string> {
  return run({}, () => addon.describe(records, stores));
}

/** The values of one tensor in C order, little-endian, checked against its hash. */
export function readTensor(records: string, name: string, stores: string[]): Promise<Buffer> {
  return run({}, () => addon.readTensor(records, name, stores));
}

/** For every record the chunk keys of its array in memory order (none in constant form), or `null`: a JSON array. */
export function chunkKeys(records: string): string {
  return call(() => addon.chunkKeys(records));
}

/** Reads objects (`<oid>:<bytes>`) and checks their SHA-256; returns those missing everywhere and those damaged. */
export function verifyObjects(
  objects: string[],
  stores: string[],
  options: WorkOptions = {},
): Promise<{ missing: string[]; corrupt: string[] }> {
  return run(options, (work) => addon.verifyObjects(objects, stores, work));
}

/** What a file has of stamps: the fields of `Report` of the core's module `stamp`. */
export interface StampReport {
  readonly format: string;
  /** How this file carries a stamp; `null`: only beside it. */
  readonly carrier: 'zip' | 'safetensors' | 'onnx' | 'gguf' | null;
  /** Why only beside it. */
  readonly because: string | null;
  /** The text of the stamp. */
  readonly stamp: string | null;
  /** Whether the stamp can be taken out. */
  readonly removable: boolean;
  /** The file without its stamp, as a stamp has to record it. */
  readonly base: { readonly length: number; readonly [name: string]: unknown } | null;
  /** Name of a signature inside the file, which a change would make void. */
  readonly signed: string | null;
  readonly lightning: boolean;
  readonly callbacks: boolean;
  readonly foreign: readonly {
    readonly source: string;
    readonly at: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[];
  readonly problems: readonly string[];
}

/** What to write into a file. */
export interface StampRequest {
  /** The text of the stamp. */
  readonly stamp: string;
  readonly commit: string | null;
  /** Also as a key of Lightning's dict. */
  readonly key: boolean;
  /** Also as state of pl-git-callback. */
  readonly callback: object | null;
}

/** A run of bytes of a new file: of the file that there is, or these. */
export type Piece =
  | { readonly offset: number; readonly length: number }
  | { readonly bytes: Buffer };

/** What stamps a file has. */
export async function stampRead(source: string): Promise<StampReport> {
  return JSON.parse(await run({}, () => addon.stampRead(source))) as StampReport;
}

/** What stamps the file of a manifest has: of its records and the objects of its skeleton. */
export async function stampReadStored(records: string, stores: string[]): Promise<StampReport> {
  const report = await run({}, () => addon.stampReadStored(records, stores));
  return JSON.parse(report) as StampReport;
}

/** The pieces of a file with a stamp in the place of the one that it may have. */
export function stampPieces(source: string, request: StampRequest): Promise<Piece[]> {
  return run({}, async () => (await addon.stampPieces(source, JSON.stringify(request))) as Piece[]);
}

/** The pieces of a file without its stamp. */
export function unstampPieces(source: string): Promise<Piece[]> {
  return run({}, async () => (await addon.unstampPieces(source)) as Piece[]);
}

/** SHA-256 in hexadecimal. */
export interface FileDigests {
  /** Of the whole file. */
  readonly whole: string;
  /** Of what begins at `from`. */
  readonly rest: string | null;
}

/** Hashes a file as it is, or `unstamped`; with `from` also what begins there. */
export async function fileDigests(
  source: string,
  unstamped: boolean,
  { from, ...options }: WorkOptions & { readonly from?: number | undefined } = {},
): Promise<FileDigests> {
  const text = await run(options, (work) => addon.fileDigests(source, unstamped, from, work));
  return JSON.parse(text) as FileDigests;
}

/** The content hashes of a file: of all tensors, and of the model's. */
export interface ContentHash {
  readonly all: string | null;
  readonly model: string | null;
  readonly tensors: number;
  /** Why there are none. */
  readonly because: string | null;
}

/** Hashes the tensors of a file. */
export async function contentHash(source: string, options: WorkOptions = {}): Promise<ContentHash> {
  return JSON.parse(await run(options, (work) => addon.contentHash(source, work))) as ContentHash;
}
