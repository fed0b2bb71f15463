import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { handshake } from '../../../src/filter/handshake';
import { filterProcess } from '../../../src/filter/process';
import { FLUSH, PacketReader, PacketWriter, packet, packetList } from '../../../src/git/pkt-line';
import { Repository } from '../../../src/git/repository';
import { printPointer } from '../../../src/lfs/pointer';
import { objectPath } from '../../../src/lfs/store';
import { isManifest, manifestObjects, parseManifest } from '../../../src/manifest';

// The user's own configuration may have git-theta installed.
process.env.GIT_CONFIG_GLOBAL = devNull;
process.env.GIT_CONFIG_NOSYSTEM = '1';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

let dir: string;
let repo: Repository;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'git-theta-process-'));
  execFileSync('git', ['init', '--quiet', dir], { env: process.env });
  // No remote: what is missing stays missing.
  repo = await Repository.discover(dir);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const HELLO = [
  packetList(['git-filter-client', 'version=2']),
  packetList(['capability=clean', 'capability=smudge', 'capability=delay', 'capability=later']),
];

function request(command: string, path: string, content: Uint8Array, ...more: string[]): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += 65516)
    pieces.push(packet(content.subarray(at, at + 65516)));
  return Buffer.concat([
    packetList([`command=${command}`, `pathname=${path}`, ...more]),
    ...pieces,
    FLUSH,
  ]);
}

const LIST = packetList(['command=list_available_blobs']);

/** Runs the filter over a conversation; entries that are functions run when git would wait. */
async function talk(conversation: (Buffer | (() => void))[], options: { skip?: boolean } = {}) {
  const queue = [...HELLO, ...conversation];
  let current = Buffer.alloc(0);
  const reader = new PacketReader((into) => {
    while (current.length === 0) {
      const next = queue.shift();
      if (!next) return 0;
      if (typeof next === 'function') next();
      else current = Buffer.from(next);
    }
    const count = current.copy(into);
    current = current.subarray(count);
    return count;
  });
  const written: Buffer[] = [];
  const messages: string[] = [];
  const writer = new PacketWriter((data) => written.push(Buffer.from(data)));
  const channel = { reader, writer, warn: (text: string) => messages.push(text) };
  handshake(channel);
  await filterProcess(repo, channel, reader.readList(), options);
  const answer = new PacketReader(Buffer.concat(written));
  expect(answer.readList()).toEqual(['git-filter-server', 'version=2']);
  expect(answer.readList()).toEqual(['capability=clean', 'capability=smudge', 'capability=delay']);
  return { answer, messages: messages.join('') };
}

/** A successful answer's content. */
function content(answer: PacketReader): Buffer {
  expect(answer.readList()).toEqual(['status=success']);
  const bytes = answer.readAll();
  expect(answer.readList()).toEqual([]);
  return bytes;
}

async function cleaned(bytes: Buffer): Promise<Buffer> {
  const { answer } = await talk([request('clean', 'm.bin', bytes)]);
  return content(answer);
}

test('clean gives a manifest, and smudge of it the same bytes', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251));
  const manifest = await cleaned(bytes);
  expect(parseManifest(manifest).format).toBe('opaque');
  const { answer } = await talk([
    request('smudge', 'a', manifest),
    request('clean', 'b', manifest),
    request('clean', 'c', Buffer.alloc(0)),
  ]);
  expect(content(answer).equals(bytes)).toBe(true);
  expect(content(answer).equals(manifest)).toBe(true);
  expect(parseManifest(content(answer)).pieces).toEqual([]);
  expect(answer.read()).toBeUndefined();
});

test.each([0, 10, 65516, 9 * 1024 * 1024])(
  'smudge passes %d bytes that are no manifest through',
  async (size) => {
    const bytes = Buffer.alloc(size, 'x');
    const { answer } = await talk([request('smudge', 'a', bytes)]);
    expect(content(answer).equals(bytes)).toBe(true);
  },
);

test('text with conflict markers passes through, an unknown version does not', async () => {
  const conflict = Buffer.from('{"git-theta":1,"format":"x"}\n<<<<<<< ours\n');
  const { answer, messages } = await talk([
    request('smudge', 'a', conflict),
    request('smudge', 'b', Buffer.from('{"git-theta":2,"format":"x"}\n')),
    request('smudge', 'a', conflict),
  ]);
  expect(content(answer).equals(conflict)).toBe(true);
  expect(answer.readList()).toEqual(['status=error']);
  expect(content(answer).equals(conflict)).toBe(true);
  expect(messages).toMatch(/^error: .*version 2/);
  expect(messages).toContain('\nhint: ');
});

/** A manifest whose only object has been moved away, and how to bring it back. */
async function absent() {
  const manifest = await cleaned(Buffer.from('some bytes'));
  const oid = manifestObjects(parseManifest(manifest))[0]?.oid as string;
  const [path = '', pin = ''] = repo.stores().map((store) => objectPath(store, oid));
  rmSync(pin);
  renameSync(path, `${path}.away`);
  return { manifest, oid, restore: () => renameSync(`${path}.away`, path) };
}

test('a missing object is an error for its file alone', async () => {
  const { manifest, oid } = await absent();
  const { answer, messages } = await talk([
    request('smudge', 'a', manifest),
    request('smudge', 'b', Buffer.from('raw')),
  ]);
  expect(answer.readList()).toEqual(['status=error']);
  expect(content(answer).toString()).toBe('raw');
  expect(messages).toContain(oid);
  expect(messages).toContain('git theta fetch');
});

test('with --skip the manifest of a missing object stays', async () => {
  const { manifest } = await absent();
  const { answer } = await talk([request('smudge', 'a', manifest, 'can-delay=1')], { skip: true });
  expect(content(answer).equals(manifest)).toBe(true);
});

test('a file that can be delayed is answered when its object has come', async () => {
  const { manifest, restore } = await absent();
  const { answer } = await talk([
    request('smudge', 'a', manifest, 'can-delay=1'),
    request('smudge', 'b', Buffer.from('raw'), 'can-delay=1'),
    restore,
    LIST,
    request('smudge', 'a', Buffer.alloc(0)),
    LIST,
  ]);
  expect(answer.readList()).toEqual(['status=delayed']);
  expect(content(answer).toString()).toBe('raw');
  expect(answer.readList()).toEqual(['pathname=a']);
  expect(answer.readList()).toEqual(['status=success']);
  expect(content(answer).toString()).toBe('some bytes');
  expect(answer.readList()).toEqual([]);
  expect(answer.readList()).toEqual(['status=success']);
});

test('a delayed file whose object does not come is an error in the end', async () => {
  const { manifest, oid } = await absent();
  const { answer, messages } = await talk([
    request('smudge', 'a', manifest, 'can-delay=1'),
    LIST,
    request('smudge', 'a', Buffer.alloc(0)),
  ]);
  expect(answer.readList()).toEqual(['status=delayed']);
  expect(answer.readList()).toEqual(['pathname=a']);
  expect(answer.readList()).toEqual(['status=success']);
  expect(answer.readList()).toEqual(['status=error']);
  expect(messages).toContain(oid);
});

test('what git streams of a file that is being written may be a mixture, and is refused', async () => {
  const file = join(dir, 'm.bin');
  const whole = Buffer.alloc(300_000, 'new');
  const mixture = Buffer.concat([Buffer.alloc(65_536, 'old'), whole.subarray(65_536)]);
  writeFileSync(file, whole);
  const { answer, messages } = await talk([
    request('clean', 'm.bin', mixture),
    request('clean', 'm.bin', whole),
  ]);
  expect(answer.readList()).toEqual(['status=error']);
  expect(messages).toMatch(/^error: m\.bin was changed while it was read\nhint: Wait/);
  expect(parseManifest(content(answer)).format).toBe('opaque');

  // Other content than that of a file at rest is somebody's wish: `git hash-object --path`.
  utimesSync(file, 1_700_000_000, 1_700_000_000);
  expect(isManifest(await cleaned(mixture))).toBe(true);
});

test('a store file is cleaned to its pointer and smudged to its bytes', async () => {
  const path = '.git_theta/m.bin/w/c.0';
  const bytes = Buffer.alloc(200_000, 'chunk');
  const pointer = printPointer({ oid: sha256(bytes), size: bytes.length });
  const { answer } = await talk([
    request('clean', path, bytes),
    request('clean', path, Buffer.from(pointer)),
    request('smudge', path, Buffer.from(pointer)),
    request('smudge', path, Buffer.from('no pointer')),
    request('clean', path, Buffer.alloc(0)),
  ]);
  expect(content(answer).toString()).toBe(pointer);
  expect(content(answer).toString()).toBe(pointer);
  expect(content(answer).equals(bytes)).toBe(true);
  expect(content(answer).toString()).toBe('no pointer');
  expect(content(answer).length).toBe(0);
  expect(existsSync(objectPath(repo.objectsDir, sha256(bytes)))).toBe(true);
});

test('a store file whose object is damaged is an error', async () => {
  const bytes = Buffer.alloc(1000, 'chunk');
  const object = { oid: sha256(bytes), size: bytes.length };
  await talk([request('clean', '.git_theta/m.bin/w/c.0', bytes)]);
  writeFileSync(objectPath(repo.objectsDir, object.oid), Buffer.alloc(1000, 'other'));
  const { answer, messages } = await talk([
    request('smudge', '.git_theta/m.bin/w/c.0', Buffer.from(printPointer(object))),
  ]);
  expect(answer.readList()).toEqual(['status=success']);
  expect(answer.readAll().length).toBe(0);
  expect(answer.readList()).toEqual(['status=error']);
  expect(messages).toContain(object.oid);
});

test('somebody else than git is refused', () => {
  const reader = new PacketReader(packetList(['git-filter-client', 'version=3']));
  const channel = { reader, writer: new PacketWriter(() => {}), warn: () => {} };
  expect(() => handshake(channel)).toThrow(expect.objectContaining({ code: 'ERR_THETA_PROTOCOL' }));
});
