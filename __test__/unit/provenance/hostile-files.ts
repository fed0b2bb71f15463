/** Checkpoints that were made to mislead. */
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** A pickled text. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.from('X'), length, bytes]);
}

type Pickled = string | readonly (readonly [string, Pickled])[];

function pickled(value: Pickled): Buffer {
  if (typeof value === 'string') return text(value);
  const items = value.flatMap(([key, inner]) => [text(key), pickled(inner)]);
  return Buffer.concat([Buffer.from('}('), ...items, Buffer.from('u')]);
}

/** A zip archive of stored entries. */
function archive(entries: readonly (readonly [name: string, content: Buffer])[]): Buffer {
  const [bodies, directory]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const [name, content] of entries) {
    // Version, flags, method, time and date, CRC, both sizes, length of the name, and of the extra field.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const central = Buffer.alloc(14);
    central.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), common, central, Buffer.from(name));
    const body = [Buffer.from('PK\x03\x04'), common, Buffer.from(name), content];
    bodies.push(...body);
    at += body.reduce((sum, { length }) => sum + length, 0);
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...bodies, central, Buffer.from('PK\x05\x06'), end]);
}

/** A checkpoint of Lightning with the key `callbacks` as often as there are commits. */
export function callbacksOf(...commits: string[]): Buffer {
  const state = (commit_hash: string): Pickled => [
    ['GitCommitCallback', [['commit_hash', commit_hash]]],
  ];
  const root: Pickled = [
    ['pytorch-lightning_version', '1.6.5'],
    ['state_dict', []],
    ...commits.map((commit) => ['callbacks', state(commit)] as const),
  ];
  const pickle = Buffer.concat([Buffer.from([0x80, 2]), pickled(root), Buffer.from('.')]);
  return archive([
    ['archive/data.pkl', pickle],
    ['archive/version', Buffer.from('3\n')],
  ]);
}

/**
 * Makes the stamp of a file say another length of the file before it. The new number has as many digits, so that the
 * file is sound otherwise.
 */
export function lieAboutLength(file: string, by: number): void {
  const bytes = readFileSync(file);
  const found = /\\?"file_base\\?":\{(?:\\?"header\\?":\d+,)?\\?"length\\?":(\d+)/g;
  const said = [...bytes.toString('latin1').matchAll(found)].at(-1);
  const [whole = '', number = ''] = said ?? [];
  const lie = String(Number(number) + by);
  expect(lie).toHaveLength(number.length);
  bytes.write(lie, (said?.index ?? 0) + whole.length - number.length);
  if (bytes.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))) mendChecksum(bytes);
  writeFileSync(file, bytes);
}

/** The checksum of a zip's stamp is in the header of the record, and in the directory. */
function mendChecksum(bytes: Buffer): void {
  const name = bytes.lastIndexOf('/.git_theta/stamp.json');
  const central = bytes.lastIndexOf('PK\x01\x02', name);
  const local = bytes.readUInt32LE(central + 42);
  const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  const crc = crc32(bytes.subarray(begin, begin + bytes.readUInt32LE(central + 20)));
  bytes.writeUInt32LE(crc, central + 16);
  bytes.writeUInt32LE(crc, local + 14);
}

/** A safetensors file whose header has `length` bytes, all of it one value of the metadata, or spaces. */
export function longHeader(length: number, filling: 'metadata' | 'spaces'): Buffer {
  const bytes = Buffer.alloc(8 + length, filling === 'spaces' ? ' ' : 'x');
  bytes.writeBigUInt64LE(BigInt(length));
  const [open, close] = ['{"__metadata__":{"a":"', '"}}'];
  bytes.write(filling === 'spaces' ? `${open}b${close}` : open, 8);
  if (filling === 'metadata') bytes.write(close, bytes.length - close.length);
  return bytes;
}
