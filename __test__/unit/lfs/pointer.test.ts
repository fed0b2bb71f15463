import { parsePointer, printPointer } from '../../../src/lfs/pointer';

const oid = '0123456789abcdef'.repeat(4);

test('there and back', () => {
  for (const size of [0, 1, 130, Number.MAX_SAFE_INTEGER]) {
    const text = printPointer({ oid, size });
    expect(text).toBe(
      `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`,
    );
    expect(parsePointer(Buffer.from(text))).toEqual({ oid, size });
  }
});

const good = printPointer({ oid, size: 12 });
test.each([
  ['empty', ''],
  ['carriage returns', good.replaceAll('\n', '\r\n')],
  ['no end', good.slice(0, -1)],
  ['more', `${good}x`],
  ['empty line', `${good}\n`],
  ['extension', good.replace('oid', `ext-0-x sha256:${oid}\noid`)],
  ['upper case', good.replace('abcdef', 'ABCDEF')],
  ['old version', good.replace('git-lfs.github.com/spec', 'hawser.github.com/spec')],
  ['leading zero', good.replace('size 12', 'size 012')],
  ['too large', good.replace('size 12', 'size 9007199254740992')],
  ['negative', good.replace('size 12', 'size -1')],
  ['short oid', good.replace(oid, oid.slice(1))],
])('no pointer: %s', (_, text) => {
  expect(parsePointer(Buffer.from(text))).toBeNull();
});
