import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AttributeFile,
  literalPattern,
  printPattern,
  readAttributes,
  writeAttributes,
} from '../../../src/git/attribute-file';
import { isTracked, trackedFiles } from '../../../src/git/attributes';
import { Repository } from '../../../src/git/repository';
import { repository, run, write } from './tmp';

const THETA = ['filter=theta', 'merge=theta', '-text'];
const ODD = [
  'a b.pt',
  'q"uote.pt',
  'back\\slash.pt',
  '#hash.pt',
  '!bang.pt',
  '-dash.pt',
  'tab\t.pt',
  'new\nline.pt',
  'g*[a]?.pt',
  'ümläut.pt',
  '[attr]x',
  ' lead.pt',
  'trail ',
  'dir/#in.pt',
  'bell\x07\x7f.pt',
  "it's.pt",
];

test.each(ODD)('git matches exactly %j', async (path) => {
  const root = repository();
  const file = AttributeFile.parse(Buffer.alloc(0));
  expect(file.add({ pattern: literalPattern(path), attributes: THETA })).toBe(true);
  await writeAttributes(join(root, '.gitattributes'), file);
  const repo = await Repository.discover(root);
  const others = [`${path}x`, `x${path}`, path.replace(/[*?]/, 'z')].filter((p) => p !== path);
  const found = await isTracked(repo, [path, ...others]);
  expect(found.get(path)).toBe(true);
  for (const other of others) expect([other, found.get(other)]).toEqual([other, false]);
  const again = await readAttributes(join(root, '.gitattributes'));
  expect(again.rules()).toEqual([{ pattern: literalPattern(path), attributes: THETA }]);
  expect(again.add({ pattern: literalPattern(path), attributes: THETA })).toBe(false);
});

test('everything else stays, byte for byte', () => {
  const bytes = Buffer.from(
    '# caf\xe9\r\n\r\n*.txt  text\t-diff\r\n[attr]big filter=x\r\n"a\\040b" x\r\nlast y',
    'latin1',
  );
  const file = AttributeFile.parse(bytes);
  expect(file.toBuffer()).toEqual(bytes);
  expect(file.rules().map(({ pattern }) => pattern)).toEqual(['*.txt', '[attr]big', 'a b', 'last']);
  file.add({ pattern: 'm.pt', attributes: THETA });
  expect(file.toBuffer().toString('latin1')).toBe(
    `${bytes.toString('latin1')}\r\nm.pt filter=theta merge=theta -text\r\n`,
  );
  expect(file.remove(({ pattern }) => pattern === 'm.pt')).toBe(1);
  expect(file.remove(({ pattern }) => pattern === 'm.pt')).toBe(0);
  expect(file.toBuffer().toString('latin1')).toBe(`${bytes.toString('latin1')}\r\n`);
});

test('a line is replaced where it stands, and wins where others come later', () => {
  const file = AttributeFile.parse(Buffer.from('m.pt filter=lfs -text\n*.x y\nm.pt filter=lfs\n'));
  expect(file.add({ pattern: 'm.pt', attributes: THETA })).toBe(true);
  expect(file.toBuffer().toString()).toBe('m.pt filter=theta merge=theta -text\n*.x y\n');
  const later = AttributeFile.parse(Buffer.from('m.pt filter=theta\nm.pt filter=lfs foo'));
  expect(later.add({ pattern: 'm.pt', attributes: ['filter=theta'] })).toBe(true);
  expect(later.toBuffer().toString()).toBe('m.pt filter=lfs foo\nm.pt filter=theta\n');
  expect(later.has({ pattern: 'm.pt', attributes: ['filter=theta'] })).toBe(true);
  const commented = AttributeFile.parse(Buffer.from('#m.pt filter=theta merge=theta -text\n'));
  expect(commented.has({ pattern: 'm.pt', attributes: THETA })).toBe(false);
});

test('quotes on demand, and a line that git would not read', () => {
  expect(printPattern('.git_theta/m.pt/**')).toBe('.git_theta/m.pt/**');
  expect(printPattern('.git_theta/m.pt/**', { quote: true })).toBe('".git_theta/m.pt/**"');
  const file = AttributeFile.parse(Buffer.alloc(0));
  expect(() => file.add({ pattern: 'x'.repeat(2048), attributes: THETA })).toThrow(
    'longer than git reads',
  );
});

test('an absent file is empty, an empty one is removed', async () => {
  const root = repository();
  const path = join(root, '.gitattributes');
  const file = await readAttributes(path);
  file.add({ pattern: 'm.pt', attributes: THETA });
  await writeAttributes(path, file);
  expect(readFileSync(path, 'utf8')).toBe('m.pt filter=theta merge=theta -text\n');
  file.remove(() => true);
  await writeAttributes(path, file);
  expect(existsSync(path)).toBe(false);
});

test('tracked files of the index and of a commit, by the attributes that stand there', async () => {
  const root = repository();
  write(root, '.gitattributes', '*.pt filter=theta\n');
  for (const path of ODD.slice(0, 8)) write(root, path, 'x');
  write(root, 'sub/m.pt', 'x');
  write(root, 'other', 'x');
  run(root, 'add', '-A');
  run(root, 'commit', '-qm', 'x');
  write(root, '.gitattributes', 'other filter=theta\n');
  run(root, 'add', '.gitattributes');
  write(root, '.gitattributes', '');
  const repo = await Repository.discover(root);
  expect(await trackedFiles(repo)).toEqual(['other']);
  expect((await trackedFiles(repo, { rev: 'HEAD' })).sort()).toEqual(
    [...ODD.slice(0, 8), 'sub/m.pt'].sort(),
  );
  expect(await isTracked(repo, ['other'])).toEqual(new Map([['other', false]]));
  expect(await isTracked(repo, ['other'], { cached: true })).toEqual(new Map([['other', true]]));
  expect(await isTracked(repo, [])).toEqual(new Map());
});
