/**
 * Packs of small blobs, made in memory.
 *
 * In: contents. Out: a pack file, and the oid of each blob. Git takes any number of new objects from one pack, where
 * `hash-object` wants a file or a process for each.
 */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

const BLOB = 3;

/** Kind and size of an object, as a pack has them. */
function objectHeader(size: number): Buffer {
  const bytes: number[] = [(BLOB << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(rest & 127);
  }
  return Buffer.from(bytes.map((byte, at) => (at + 1 < bytes.length ? byte | 128 : byte)));
}

/** The oid that git gives a blob. */
export function blobOid(format: 'sha1' | 'sha256', content: Uint8Array | string): string {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return createHash(format).update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** A pack of these blobs. */
export function packBlobs(format: 'sha1' | 'sha256', contents: readonly Uint8Array[]): Buffer {
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(contents.length, 8);
  const parts: Buffer[] = [header];
  for (const content of contents) {
    parts.push(objectHeader(content.length), deflateSync(content, { level: 1 }));
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([body, createHash(format).update(body).digest()]);
}
