import {
  FLUSH,
  MAX_PACKET,
  PacketReader,
  PacketWriter,
  packet,
  packetList,
} from '../../../src/git/pkt-line';

test('what is written is read, however it arrives', () => {
  const parts: Buffer[] = [];
  const writer = new PacketWriter((data) => parts.push(Buffer.from(data)));
  const big = Buffer.from(Array.from({ length: 140_000 }, (_, i) => i & 255));
  writer.list(['command=clean', 'pathname=a b']);
  writer.data(big);
  writer.flush();
  writer.list([]);
  const bytes = Buffer.concat(parts);
  for (const step of [5, 4096, bytes.length]) {
    let at = 0;
    const reader = new PacketReader((into) => {
      const length = Math.min(step, into.length, bytes.length - at);
      into.set(bytes.subarray(at, at + length));
      at += length;
      return length;
    });
    expect(reader.readList()).toEqual(['command=clean', 'pathname=a b']);
    expect(reader.readAll().equals(big)).toBe(true);
    expect(reader.readList()).toEqual([]);
    expect(reader.readList()).toBeNull();
    expect(reader.read()).toBeUndefined();
  }
});

test('the bytes of the format', () => {
  expect(packet('a\n').toString()).toBe('0006a\n');
  expect(packetList(['a', 'b']).toString()).toBe('0006a\n0006b\n0000');
  expect(packet(Buffer.alloc(MAX_PACKET)).subarray(0, 4).toString()).toBe('fff0');
  expect(() => packet(Buffer.alloc(MAX_PACKET + 1))).toThrow('too much data');
});

test.each(['0001', '0003', 'fff5', 'zzzz', '00', '0008ab', ' 004', '-001'])(
  'refused: %j',
  (text) => {
    expect(() => new PacketReader(Buffer.from(text)).read()).toThrow("git's protocol");
  },
);

test('an end inside a list or a file is refused', () => {
  expect(() => new PacketReader(packet('a')).readList()).toThrow('inside a list');
  expect(() => new PacketReader(packet('a')).drain()).toThrow('inside a file');
  const limited = new PacketReader(Buffer.concat([packet('abcd'), FLUSH]));
  expect(() => limited.readAll(3)).toThrow('more than 3 bytes');
});
