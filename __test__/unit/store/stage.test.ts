import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isThetaError } from '../../../src/errors';
import { lsFiles } from '../../../src/git/index';
import { catFile } from '../../../src/git/objects';
import { Repository } from '../../../src/git/repository';
import { printPointer } from '../../../src/lfs/pointer';
import { objectPath } from '../../../src/lfs/store';
import type { Manifest } from '../../../src/manifest';
import { ensureStoreAttributes, STORE_ATTRIBUTES } from '../../../src/store/attributes';
import { missingObjects } from '../../../src/store/missing';
import { storeFiles } from '../../../src/store/paths';
import { stageStore } from '../../../src/store/stage';
import { folder, repository, run } from '../git/tmp';
import { compiledAnswer } from './compiled';
import { chunkKeys, makeManifest, putObject, type Values } from './model';

jest.mock('../../../src/native', () => ({ chunkKeys: (records: string) => chunkKeys(records) }));

const answer = compiledAnswer();
const fifty: Values = Object.fromEntries(
  Array.from({ length: 25 }, (_, i) => [`layer.${i}.weight`, `v${i}`]),
);

async function scene(...args: string[]): Promise<Repository> {
  const root = repository(...args);
  run(root, 'lfs', 'install', '--local');
  const repo = await Repository.discover(root);
  await ensureStoreAttributes(repo);
  return repo;
}

function model(repo: Repository, values: Values, age?: number): Manifest {
  return makeManifest(values, (content) => putObject(repo, content, age));
}

/** Standard error of git with tracing on. */
function trace(cwd: string, ...args: string[]): string {
  const file = join(folder(), 'trace');
  execFileSync('git', args, { cwd, env: { ...process.env, GIT_TRACE: file }, stdio: 'pipe' });
  return readFileSync(file, 'utf8');
}

/** Everything that must hold after staging: index, work tree, and an index that knows it. */
async function expectStaged(repo: Repository, path: string, manifest: Manifest): Promise<void> {
  const files = storeFiles(manifest, path);
  const entries = await lsFiles(repo, [`.git_theta/${path}/`]);
  expect(entries.map((entry) => entry.path)).toEqual(files.map((file) => file.path));
  for (const file of files) {
    const target = repo.absolute(file.path);
    expect(readFileSync(target)).toEqual(readFileSync(objectPath(repo.objectsDir, file.oid)));
    expect(lstatSync(target).mode & 0o777).toBe(0o444);
  }
  const some = files[files.length >> 1];
  expect((await catFile(repo, `:0:${some?.path}`))?.toString()).toBe(
    printPointer(some ?? { oid: '', size: 0 }),
  );
  expect(run(repo.workTree, 'diff-files')).toBe('');
  expect(trace(repo.workTree, 'status', '--porcelain')).not.toMatch(
    /filter-process|answer|git-lfs/,
  );
}

test.each(['sha1', 'sha256'])(
  'fifty files are staged, clean, without git-lfs (%s)',
  async (format) => {
    const repo = await scene(`--object-format=${format}`);
    const manifest = model(repo, fifty);
    const result = await stageStore(repo, 'dir/m.pt', manifest, { workTree: true, answer });
    expect(result).toEqual({
      added: 53,
      replaced: 0,
      removed: 0,
      unchanged: 0,
      linked: 53,
      copied: 0,
    });
    await expectStaged(repo, 'dir/m.pt', manifest);
    const status = run(repo.workTree, 'status', '--porcelain').trim().split('\n');
    expect(status).toHaveLength(54);
    expect(status.every((line) => line.startsWith('A  .git_theta/'))).toBe(true);
    run(repo.workTree, 'commit', '-qm', 'x');
    expect(run(repo.workTree, 'status', '--porcelain')).toBe('');
    expect(run(repo.workTree, 'lfs', 'fsck')).toContain('OK');
    expect(run(repo.workTree, 'lfs', 'ls-files').trim().split('\n')).toHaveLength(53);
    const again = await stageStore(repo, 'dir/m.pt', manifest, { workTree: true, answer });
    expect(again).toMatchObject({ added: 0, replaced: 0, removed: 0, unchanged: 53, linked: 0 });
  },
);

test('the next version adds, replaces and removes', async () => {
  const repo = await scene();
  await stageStore(repo, 'm.pt', model(repo, { 'a/x': '1', b: '1', c: '1' }), {
    workTree: true,
    answer,
  });
  run(repo.workTree, 'commit', '-qm', 'x');
  const next = model(repo, { b: '2', c: '1', d: '1' });
  const result = await stageStore(repo, 'm.pt', next, { workTree: true, answer });
  expect(result).toMatchObject({ added: 2, replaced: 1, removed: 3, linked: 3 });
  await expectStaged(repo, 'm.pt', next);
  expect(existsSync(repo.absolute('.git_theta/m.pt/a'))).toBe(false);
  const gone = await stageStore(repo, 'm.pt', null, { workTree: true, answer });
  expect(gone.removed).toBe(9);
  expect(readdirSync(repo.absolute('.git_theta'))).toEqual(['.gitattributes']);
  expect(
    run(repo.workTree, 'status', '--porcelain')
      .split('\n')
      .every((line) => line === '' || line.startsWith('D  ')),
  ).toBe(true);
});

test('objects as new as the index are no trouble', async () => {
  const repo = await scene();
  const manifest = model(repo, fifty, 0);
  await stageStore(repo, 'm.pt', manifest, { workTree: true, answer });
  await expectStaged(repo, 'm.pt', manifest);
});

test.each(['hard', 'reflink', 'copy', 'auto'])('theta.storeLink=%s', async (mode) => {
  const repo = await scene();
  run(repo.workTree, 'config', 'theta.storeLink', mode);
  const manifest = model(repo, { a: '1' }, 0);
  const result = await stageStore(repo, 'm.pt', manifest, { workTree: true, answer });
  expect(result.linked + result.copied).toBe(5);
  if (mode === 'hard') expect(result.copied).toBe(0);
  if (mode === 'copy') expect(result.linked).toBe(0);
  await expectStaged(repo, 'm.pt', manifest);
  const [file] = storeFiles(manifest, 'm.pt');
  const links = statSync(repo.absolute(file?.path ?? '')).nlink;
  expect(links).toBe(mode === 'hard' ? 2 : mode === 'copy' || mode === 'reflink' ? 1 : links);
});

test('a wrong theta.storeLink is refused', async () => {
  const repo = await scene();
  run(repo.workTree, 'config', 'theta.storeLink', 'soft');
  const staged = stageStore(repo, 'm.pt', model(repo, { a: '1' }), { workTree: true, answer });
  await expect(staged).rejects.toMatchObject({ code: 'ERR_THETA_USAGE' });
});

test('two models never share a file of the work tree', async () => {
  const repo = await scene();
  const manifest = model(repo, fifty);
  await stageStore(repo, 'a.pt', manifest, { workTree: true, answer });
  const second = await stageStore(repo, 'b.pt', manifest, { workTree: true, answer });
  if (second.linked === 0) expect(second.copied).toBe(53);
  await expectStaged(repo, 'a.pt', manifest);
  await expectStaged(repo, 'b.pt', manifest);
  const inode = (model: string) => statSync(repo.absolute(`.git_theta/${model}/zarr.json`)).ino;
  expect(inode('a.pt')).not.toBe(inode('b.pt'));
});

test('without the work tree only the index changes', async () => {
  const repo = await scene();
  const manifest = model(repo, { a: '1' });
  rmSync(repo.objectsDir, { recursive: true });
  const result = await stageStore(repo, 'm.pt', manifest, { workTree: false });
  expect(result).toMatchObject({ added: 5, linked: 0, copied: 0 });
  expect(existsSync(repo.absolute('.git_theta/m.pt'))).toBe(false);
  const other = join(repo.gitDir, 'other-index');
  await stageStore(repo, 'm.pt', manifest, { workTree: false, indexFile: other });
  expect(await lsFiles(repo, [], { indexFile: other })).toHaveLength(5);
});

test('a missing object is said before anything changes', async () => {
  const repo = await scene();
  const manifest = model(repo, { a: '1' });
  const [object = ''] = manifest.tensors[0]?.chunks ?? [];
  unlinkSync(objectPath(repo.objectsDir, object.slice(0, 64)));
  expect(missingObjects(repo, manifest)).toEqual([
    { oid: object.slice(0, 64), size: Number(object.slice(65)) },
  ]);
  const error = await stageStore(repo, 'm.pt', manifest, { workTree: true, answer }).catch(
    (e: unknown) => e,
  );
  expect(isThetaError(error, 'ERR_THETA_MISSING_OBJECT')).toBe(true);
  expect(await lsFiles(repo)).toHaveLength(1);
  expect(existsSync(repo.absolute('.git_theta/m.pt'))).toBe(false);
});

test('objects that only our own store has are used', async () => {
  const repo = await scene();
  const manifest = model(repo, { a: '1' });
  mkdirSync(repo.thetaDir, { recursive: true });
  execFileSync('mv', [repo.objectsDir, join(repo.thetaDir, 'objects')]);
  expect(missingObjects(repo, manifest)).toEqual([]);
  const result = await stageStore(repo, 'm.pt', manifest, { workTree: true, answer });
  expect(result.linked).toBe(5);
});

test('what was lost or changed in the work tree comes back', async () => {
  const repo = await scene();
  const manifest = model(repo, fifty);
  await stageStore(repo, 'm.pt', manifest, { workTree: true, answer });
  run(repo.workTree, 'commit', '-qm', 'x');
  const files = storeFiles(manifest, 'm.pt').map(({ path }) => repo.absolute(path));
  const [lost = '', pointer = ''] = files;
  unlinkSync(lost);
  unlinkSync(pointer);
  // A checkout that left pointers: the index records their size, which git never corrects by itself.
  writeFileSync(pointer, printPointer({ oid: 'a'.repeat(64), size: 1 }));
  const result = await stageStore(repo, 'm.pt', manifest, { workTree: true, answer });
  expect(result).toMatchObject({ unchanged: 53, linked: 2 });
  await expectStaged(repo, 'm.pt', manifest);
  expect(run(repo.workTree, 'status', '--porcelain')).toBe('');
});

test('the refresh answers truthfully for files of others', async () => {
  const repo = await scene();
  run(repo.workTree, 'lfs', 'track', '*.bin');
  const other = repo.absolute('o.bin');
  writeFileSync(other, 'other');
  run(repo.workTree, 'add', '-A');
  run(repo.workTree, 'commit', '-qm', 'x');
  writeFileSync(other, 'OTHER');
  await stageStore(repo, 'm.pt', model(repo, { a: '1' }), { workTree: true, answer });
  expect(run(repo.workTree, 'status', '--porcelain')).toContain(' M o.bin');
  writeFileSync(other, 'other');
  await stageStore(repo, 'm.pt', model(repo, { a: '2' }), { workTree: true, answer });
  expect(run(repo.workTree, 'status', '--porcelain')).not.toContain('o.bin');
});

test('nothing is written through a symbolic link', async () => {
  for (const path of ['.git_theta', '.git_theta/m.pt', '.git_theta/m.pt/a']) {
    const repo = await scene();
    const outside = folder();
    rmSync(repo.absolute('.git_theta'), { recursive: true });
    mkdirSync(join(repo.absolute(path), '..'), { recursive: true });
    symlinkSync(outside, repo.absolute(path));
    const staged = stageStore(repo, 'm.pt', model(repo, { a: '1' }), { workTree: true, answer });
    await expect(staged).rejects.toMatchObject({ code: 'ERR_THETA_CONFLICT' });
    expect(readdirSync(outside)).toEqual([]);
    await stageStore(repo, 'm.pt', null, { workTree: true, answer });
  }
});

test('attributes of the store', async () => {
  const repo = await scene();
  const path = repo.absolute('.git_theta/.gitattributes');
  expect(readFileSync(path, 'utf8')).toBe(STORE_ATTRIBUTES);
  expect((await catFile(repo, ':0:.git_theta/.gitattributes'))?.toString()).toBe(STORE_ATTRIBUTES);
  expect(await ensureStoreAttributes(repo)).toBe(false);
  chmodSync(path, 0o644);
  writeFileSync(path, 'x');
  run(repo.workTree, 'rm', '-q', '-f', '--cached', '.git_theta/.gitattributes');
  expect(await ensureStoreAttributes(repo, { workTree: false })).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe('x');
  expect(await ensureStoreAttributes(repo)).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe(STORE_ATTRIBUTES);
  expect(run(repo.workTree, 'status', '--porcelain')).toBe('A  .git_theta/.gitattributes\n');
  const attributes = run(
    repo.workTree,
    'check-attr',
    '-a',
    '.git_theta/m/zarr.json',
    '.git_theta/.gitattributes',
  );
  expect(attributes).toContain('.git_theta/m/zarr.json: merge: theta-store');
  expect(attributes).not.toContain('.gitattributes: filter: lfs');
});
