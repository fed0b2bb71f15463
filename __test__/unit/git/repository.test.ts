import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isThetaError } from '../../../src/errors';
import { Repository } from '../../../src/git/repository';
import { folder, repository, run, write } from './tmp';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'none',
    (reason: unknown) => reason,
  );
  return isThetaError(error) ? error.code : String(error);
}

test('a plain repository, found from a folder in it', async () => {
  const root = repository();
  mkdirSync(join(root, 'a/b'), { recursive: true });
  const repo = await Repository.discover(join(root, 'a/b'));
  expect(repo).toMatchObject({
    workTree: root,
    gitDir: join(root, '.git'),
    commonDir: join(root, '.git'),
    objectFormat: 'sha1',
    isBare: false,
    cwd: join(root, 'a/b'),
    lfsDir: join(root, '.git/lfs'),
    objectsDir: join(root, '.git/lfs/objects'),
    thetaDir: join(root, '.git/theta'),
  });
  expect(repo.stores()).toEqual([repo.objectsDir, join(root, '.git/theta/objects')]);
  expect((await repo.version()).major).toBeGreaterThanOrEqual(2);
  await repo.checkVersion();
});

test('paths of the user become paths of git', async () => {
  const root = repository();
  const sub = join(root, 'sub');
  mkdirSync(sub);
  const repo = await Repository.discover(sub);
  expect(repo.relative('m.pt')).toBe('sub/m.pt');
  expect(repo.relative('../m.pt')).toBe('m.pt');
  expect(repo.relative(join(root, 'x y/"z".pt'))).toBe('x y/"z".pt');
  expect(repo.relative('..a')).toBe('sub/..a');
  expect(() => repo.relative('../../m.pt')).toThrow('outside the work tree');
  expect(() => repo.relative('/etc/passwd')).toThrow('outside the work tree');
  const link = join(folder(), 'link');
  symlinkSync(root, link);
  expect(repo.relative(join(link, 'sub/new/m.pt'))).toBe('sub/new/m.pt');
  expect((await Repository.discover(join(link, 'sub'))).relative('m.pt')).toBe('sub/m.pt');
  symlinkSync('/etc/passwd', join(sub, 'linked.pt'));
  expect(repo.relative('linked.pt')).toBe('sub/linked.pt');
});

test('a linked work tree shares the common directory', async () => {
  const root = repository();
  run(root, 'commit', '-q', '--allow-empty', '-m', 'x');
  const linked = join(folder(), 'linked');
  run(root, 'worktree', 'add', '-q', linked);
  const repo = await Repository.discover(linked);
  expect(repo.workTree).toBe(linked);
  expect(repo.gitDir).toBe(join(root, '.git/worktrees/linked'));
  expect(repo.commonDir).toBe(join(root, '.git'));
  expect(repo.thetaDir).toBe(join(root, '.git/theta'));
});

test('a submodule has its git directory elsewhere', async () => {
  const inner = repository();
  run(inner, 'commit', '-q', '--allow-empty', '-m', 'x');
  const outer = repository();
  run(outer, 'submodule', '--quiet', 'add', inner, 'sub');
  const repo = await Repository.discover(join(outer, 'sub'));
  expect(repo.gitDir).toBe(join(outer, '.git/modules/sub'));
  expect(repo.workTree).toBe(join(outer, 'sub'));
});

test('SHA-256', async () => {
  const repo = await Repository.discover(repository('--object-format=sha256'));
  expect(repo.objectFormat).toBe('sha256');
});

test('lfs.storage is understood as git-lfs does', async () => {
  const root = repository();
  run(root, 'config', 'lfs.storage', 'rel/x');
  expect((await Repository.discover(root)).lfsDir).toBe(join(root, '.git/rel/x'));
  const said = run(root, 'lfs', 'env');
  expect(said).toContain(`LocalMediaDir=${join(realpathSync(root), '.git/rel/x/objects')}`);
  const elsewhere = folder();
  run(root, 'config', 'lfs.storage', elsewhere);
  expect((await Repository.discover(root)).objectsDir).toBe(join(elsewhere, 'objects'));
});

test('what is no repository with a work tree is refused', async () => {
  const bare = repository('--bare');
  expect(await codeOf(Repository.discover(folder()))).toBe('ERR_THETA_NOT_A_REPOSITORY');
  expect(await codeOf(Repository.discover(bare))).toBe('ERR_THETA_BARE_REPOSITORY');
  expect((await Repository.discover(bare, { bare: true })).workTree).toBe('');
  const root = repository();
  const inside = join(root, '.git');
  expect(await codeOf(Repository.discover(inside))).toBe('ERR_THETA_OUTSIDE_WORK_TREE');
});

test('a repository of somebody else is refused in the words of git', async () => {
  const root = repository();
  process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER = '1';
  try {
    const error = await Repository.discover(root).catch((reason: unknown) => reason);
    if (!isThetaError(error, 'ERR_THETA_GIT_FAILED')) throw error;
    expect(error.message).toContain('dubious ownership');
    expect(error.rule).toBe('safe.directory');
    expect(error.hint).toContain('git config --global --add safe.directory');
  } finally {
    delete process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER;
  }
});

test('GIT_DIR and GIT_WORK_TREE of the caller count, GIT_INDEX_FILE only on demand', async () => {
  const root = repository();
  write(root, 'a', 'a');
  run(root, 'add', 'a');
  const other = repository();
  const env = { GIT_DIR: join(root, '.git'), GIT_WORK_TREE: root, GIT_INDEX_FILE: '/nonexistent' };
  const repo = await Repository.discover(other, { env });
  expect(repo.workTree).toBe(root);
  process.env.GIT_INDEX_FILE = join(folder(), 'index');
  process.env.GIT_DIR = join(other, '.git');
  try {
    expect((await repo.git(['ls-files'])).stdout).toBe('a\n');
    const named = process.env.GIT_INDEX_FILE;
    expect((await repo.git(['ls-files'], { indexFile: named })).stdout).toBe('');
  } finally {
    delete process.env.GIT_INDEX_FILE;
    delete process.env.GIT_DIR;
  }
});

test("the caller's -c settings count", async () => {
  const root = repository();
  const env = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'theta.x', GIT_CONFIG_VALUE_0: 'a b' };
  Object.assign(process.env, env);
  try {
    expect(await (await Repository.discover(root)).config('theta.x')).toBe('a b');
  } finally {
    for (const key of Object.keys(env)) delete process.env[key];
  }
});

test('a path with a newline', async () => {
  const root = join(folder(), 'a\nb');
  mkdirSync(root);
  run(root, 'init', '-q');
  const repo = await Repository.discover(root);
  expect(repo.workTree).toBe(root);
  expect(repo.gitDir).toBe(join(root, '.git'));
});
