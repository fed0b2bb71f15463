/**
 * The process that answers git in place of `git lfs filter-process` while the index is refreshed.
 *
 * In: a file with a table of paths and their pointers, and git's filter protocol on standard input. Out: for a file of
 * the table, its pointer, if as many bytes came as it says; for any other file, the pointer of what came. It writes
 * nothing anywhere. Refused: everything but `clean`.
 *
 * Run as `node answer.js <table>`; the table is JSON, `{"<path>": ["<oid>", <size>]}`.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PacketReader, PacketWriter } from '../git/pkt-line';
import { MAX_POINTER, parsePointer, printPointer } from '../lfs/pointer';

type Table = Record<string, [string, number]>;

/** What git is to store for a file. */
function answer(known: [string, number] | undefined, reader: PacketReader): Buffer {
  const hash = known ? null : createHash('sha256');
  let size = 0;
  let start = Buffer.alloc(0);
  for (const data of reader.content()) {
    if (size + data.length <= MAX_POINTER) start = Buffer.concat([start, data]);
    size += data.length;
    hash?.update(data);
  }
  if (known && known[1] === size) return Buffer.from(printPointer({ oid: known[0], size }));
  // Not what the table promised: an answer that git takes for a change, and looks at again later.
  if (!hash) return Buffer.from(`unknown content of ${size} bytes\n`);
  if (size === 0 || (size <= MAX_POINTER && parsePointer(start))) return start;
  return Buffer.from(printPointer({ oid: hash.digest('hex'), size }));
}

/** Speaks the protocol until git closes its end. */
export function serve(table: Table, reader: PacketReader, writer: PacketWriter): void {
  const hello = reader.readList();
  if (hello?.[0] !== 'git-filter-client') return;
  // git waits for this before it says what it can do.
  writer.list(['git-filter-server', 'version=2']);
  if (!reader.readList()) return;
  writer.list(['capability=clean']);
  for (let request = reader.readList(); request; request = reader.readList()) {
    const field = (key: string): string | undefined =>
      request?.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
    if (field('command') !== 'clean') {
      reader.drain();
      writer.list(['status=error']);
      continue;
    }
    const path = field('pathname') ?? '';
    const content = answer(Object.hasOwn(table, path) ? table[path] : undefined, reader);
    writer.list(['status=success']);
    writer.data(content);
    writer.flush();
    writer.flush();
  }
}

if (require.main === module) {
  const table: Table = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
  serve(table, new PacketReader(0), new PacketWriter(1));
}
