import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isThetaError } from '../../../src/errors';
import { lsFiles, lsTree, updateIndex } from '../../../src/git/index';
import { catFile, catFiles, findObject, hashObjects, unpacked } from '../../../src/git/objects';
import { Repository } from '../../../src/git/repository';
import { folder, repository, run, write } from './tmp';

test.each(['sha1', 'sha256'])('blobs are written in bulk (%s)', async (format) => {
  const root = repository(`--object-format=${format}`);
  const repo = await Repository.discover(root);
  expect(await hashObjects(repo, [])).toEqual([]);
  for (const count of [1, 99, 250]) {
    const contents = Array.from({ length: count }, (_, i) =>
      Buffer.from(`${count} ${i}`.repeat(i + 1)),
    );
    contents.push(Buffer.alloc(0), Buffer.alloc(70_000, 7), contents[0] ?? Buffer.alloc(0));
    const oids = await hashObjects(repo, contents);
    const found = [];
    for await (const file of catFiles(repo, oids)) found.push(file.content);
    expect(found).toEqual(contents);
    expect(await hashObjects(repo, contents)).toEqual(oids);
  }
  run(root, 'fsck', '--strict');
});

test('names that mean nothing are answers', async () => {
  const root = repository();
  write(root, 'a b', 'one');
  write(root, 'new\nline', 'two');
  run(root, 'add', '-A');
  run(root, 'commit', '-qm', 'x');
  const repo = await Repository.discover(root);
  const specs = ['HEAD:a b', 'HEAD:absent', 'HEAD:new\nline', ':0:not\nthere\n', ':0:a b', 'HEAD'];
  const found = [];
  for await (const file of catFiles(repo, specs))
    found.push([file.type, file.content.toString().slice(0, 4)]);
  expect(found).toEqual([
    ['blob', 'one'],
    ['', ''],
    ['blob', 'two'],
    ['', ''],
    ['blob', 'one'],
    ['commit', 'tree'],
  ]);
  expect(await catFile(repo, 'HEAD:absent')).toBeNull();
  expect((await catFile(repo, ':a b'))?.toString()).toBe('one');
  for await (const _ of catFiles(repo, specs)) break;
});

test('one name is looked up without the content', async () => {
  const root = repository();
  write(root, 'new\nline', 'two');
  run(root, 'add', '-A');
  run(root, 'commit', '-qm', 'x');
  const repo = await Repository.discover(root);
  const [oid = ''] = await hashObjects(repo, [Buffer.from('two')]);
  const blob = { oid, type: 'blob', size: 3 };
  for (const spec of ['HEAD:new\nline', ':new\nline', oid])
    expect(await findObject(repo, spec)).toEqual(blob);
  expect((await findObject(repo, 'HEAD:'))?.type).toBe('tree');
  // What git repeats of a name is no answer.
  for (const spec of ['HEAD:absent', ':absent', 'nothing:x', `${oid} blob 3\n`, '--help:x', ''])
    expect(await findObject(repo, spec)).toBeNull();
  rmSync(join(root, '.git/objects', oid.slice(0, 2), oid.slice(2)));
  await expect(findObject(repo, 'HEAD:new\nline')).rejects.toMatchObject({
    code: 'ERR_THETA_GIT_FAILED',
    message: expect.stringContaining('could not get object info'),
  });
});

test('many names at once do not block', async () => {
  const repo = await Repository.discover(repository());
  const [oid = ''] = await hashObjects(repo, [Buffer.alloc(10_000, 1)]);
  let bytes = 0;
  for await (const file of catFiles(repo, Array(5000).fill(oid))) bytes += file.content.length;
  expect(bytes).toBe(50_000_000);
});

test('a corrupt object is an error, not an answer', async () => {
  const root = repository();
  const repo = await Repository.discover(root);
  const [oid = ''] = await hashObjects(repo, [Buffer.from('x')]);
  const path = join(root, '.git/objects', oid.slice(0, 2), oid.slice(2));
  rmSync(path);
  write(dirname(path), basename(path), 'garbage');
  for (const look of [catFile, findObject]) {
    const error = await look(repo, oid).catch((reason: unknown) => reason);
    expect(isThetaError(error, 'ERR_THETA_GIT_FAILED')).toBe(true);
  }
});

test('a blob is a file for a while, wherever the folder and the work tree are', async () => {
  const root = repository();
  const repo = await Repository.discover(root);
  const [oid = ''] = await hashObjects(repo, [Buffer.from('x')]);
  run(root, 'config', 'core.worktree', '..');
  const env = { GIT_DIR: join(root, '.git'), GIT_WORK_TREE: root };
  const named = await Repository.discover(root, { env });
  const elsewhere = folder();
  const outside = Object.assign(await Repository.discover(root), { scratch: () => elsewhere });
  for (const each of [repo, named, outside]) {
    const file = await unpacked(each, oid, async (path) => {
      expect(readFileSync(path, 'utf8')).toBe('x');
      return path;
    });
    expect(dirname(dirname(file))).toBe(each.scratch());
    expect(existsSync(dirname(file))).toBe(false);
  }
  expect(readdirSync(root)).toEqual(['.git']);
});

test('the index in bulk', async () => {
  const root = repository();
  const repo = await Repository.discover(root);
  const [a = '', b = ''] = await hashObjects(repo, [Buffer.from('a'), Buffer.from('b')]);
  const odd = ['-dash', ':(top)x', 'a b', 'new\nline', 'q"\t', 'ü', '*'];
  await updateIndex(repo, []);
  await updateIndex(
    repo,
    odd.map((path) => ({ path, oid: a })),
  );
  expect((await lsFiles(repo)).map(({ path }) => path)).toEqual(
    [...odd].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))),
  );
  expect(await lsFiles(repo, ['*', ':(top)x'])).toHaveLength(2);
  await updateIndex(repo, [
    { path: 'a b', oid: null },
    { path: 'a b/c', oid: b, mode: '100755' },
  ]);
  expect(await lsFiles(repo, ['a b/'])).toEqual([
    { path: 'a b/c', oid: b, mode: '100755', stage: 0 },
  ]);
  run(root, 'commit', '-qm', 'x');
  expect(await lsTree(repo, 'HEAD', ['a b'])).toEqual([
    { path: 'a b/c', oid: b, mode: '100755', type: 'blob' },
  ]);
  expect(await lsTree(repo, 'HEAD')).toHaveLength(7);
  const many = Array.from({ length: 1500 }, (_, i) => `many/${i}`);
  await updateIndex(
    repo,
    many.map((path) => ({ path, oid: a })),
  );
  expect(await lsFiles(repo, [...many, 'a b'])).toHaveLength(1501);
  const other = join(folder(), 'index');
  await updateIndex(repo, [{ path: 'only', oid: a }], { indexFile: other });
  expect(await lsFiles(repo, [], { indexFile: other })).toHaveLength(1);
  expect((await catFile(repo, ':0:only', { indexFile: other }))?.toString()).toBe('a');
  expect(await catFile(repo, ':0:only')).toBeNull();
});

test('setting a path resolves its conflict', async () => {
  const root = repository();
  const repo = await Repository.discover(root);
  const [a = '', b = ''] = await hashObjects(repo, [Buffer.from('a'), Buffer.from('b')]);
  const input = `100644 ${a} 2\tx\x00100644 ${b} 3\tx\x00100644 ${b} 2\ty\0`;
  await repo.git(['update-index', '-z', '--index-info'], { input });
  expect((await lsFiles(repo)).map(({ stage }) => stage)).toEqual([2, 3, 2]);
  await updateIndex(repo, [
    { path: 'x', oid: b },
    { path: 'y', oid: null },
  ]);
  expect(await lsFiles(repo)).toEqual([{ path: 'x', oid: b, mode: '100644', stage: 0 }]);
});
