// Where the hook post-checkout follows, it writes the checkpoint and links the store files; everywhere else the filter
// streams them.
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { changedBy, MODEL, ROOT, settled, World } from './life-world';
import { ModelRepository } from './road-model';

let world: World;
let repo: ModelRepository;

beforeAll(async () => {
  world = await World.create();
});
afterAll(() => world.cleanup());
beforeEach(async () => {
  repo = await world.repo();
  await repo.git('config', 'theta.hookLimit', '1k');
});
afterEach(() => world.clear());

const linux = process.platform === 'linux' ? test : test.skip;
const CHUNK = `${ROOT}/layer.1.weight/c.0`;
const isPointer = (path: string) => repo.read(path).toString('latin1', 0, 8) === 'version ';
const isManifest = () => repo.read(MODEL).toString('latin1', 0, 14) === '{"git-theta":1';

/** A hook that looks like one of ours, and does nothing: what the filter left stays to be seen. */
function idleHook(): void {
  repo.write('.git/hooks/post-checkout', '#!/bin/sh\n: git theta hook post-checkout "$@"\n');
  chmodSync(repo.path('.git/hooks/post-checkout'), 0o755);
}

const COMMANDS = [
  ['checkout', '--quiet', 'main~1'],
  ['-c', 'core.quotePath=false', '-C', '.', 'checkout', '--quiet', 'main~1'],
  ['switch', '--quiet', '--detach', 'main~1'],
  ['checkout', '--quiet', 'main~1', '--', '.'],
  ['restore', '--source', 'main~1', '--worktree', '--staged', '.'],
];

linux.each(COMMANDS)('left to the hook: git %s %s %s', async (...args) => {
  const [, second] = world.history.main;
  await repo.git(...args.filter((word) => word !== undefined));
  expect(repo.read(MODEL).equals(second)).toBe(true);
  expect(statSync(repo.path(CHUNK)).nlink).toBeGreaterThan(1);
  expect(await repo.changes()).toEqual([]);

  // The same again, with nobody to write what was left.
  await repo.git('checkout', '--quiet', '-f', 'main');
  idleHook();
  await repo.git(...args.filter((word) => word !== undefined));
  expect(isManifest()).toBe(true);
  expect(isPointer(`${ROOT}/layer.2.weight/c.0`)).toBe(true);
  expect(await repo.changes()).toEqual([]);
  await repo.theta('checkout');
  expect(repo.read(MODEL).equals(second)).toBe(true);
  expect(isPointer(`${ROOT}/layer.2.weight/c.0`)).toBe(false);
  expect(await repo.changes()).toEqual([]);
});

test.each([
  ['reset', ['reset', '--quiet', '--hard', 'main~1']],
  ['read-tree', ['read-tree', '-u', '--reset', 'main~1']],
  ['no hooks', ['-c', 'core.hooksPath=/nowhere', 'checkout', '--quiet', 'main~1']],
])('streamed: %s', async (_, args) => {
  idleHook();
  await repo.git(...args);
  expect(repo.read(MODEL).equals(world.history.main[1])).toBe(true);
  expect(isPointer(CHUNK)).toBe(false);
  expect(await repo.changes()).toEqual([]);
});

test('streamed: stash and pop, a linked work tree, a checkout without its hook', async () => {
  const [first, second, third] = world.history.main;
  repo.write(MODEL, second);
  await repo.git('stash', '--quiet');
  expect(repo.read(MODEL).equals(third)).toBe(true);
  await repo.git('stash', 'pop', '--quiet');
  expect(repo.read(MODEL).equals(second)).toBe(true);
  await repo.git('checkout', '--quiet', '-f', 'main');
  await settled(repo, { [MODEL]: third });

  await repo.git('worktree', 'add', '--quiet', '--detach', '../linked', 'main~2');
  const linked = new ModelRepository(repo.scratch, repo.path('../linked'));
  await settled(linked, { [MODEL]: first });
  await repo.git('worktree', 'remove', '--force', '../linked');

  rmSync(repo.path('.git/hooks/post-checkout'));
  await repo.git('checkout', '--quiet', 'main~1');
  expect(repo.read(MODEL).equals(second)).toBe(true);
  expect(isPointer(CHUNK)).toBe(false);
});

test('a clone has its checkpoint from the hook, and git sees nothing to do', async () => {
  const global = ['config', '--global'];
  await repo.git(...global, 'theta.hookLimit', '1k');
  const dir = await repo.scratch.clone(`file://${repo.dir}`, 'by-hook-clone');
  await repo.git(...global, '--unset', 'theta.hookLimit');
  const clone = new ModelRepository(repo.scratch, dir);
  await settled(clone, { [MODEL]: world.history.main[2] });
  expect(clone.read(CHUNK).equals(repo.read(CHUNK))).toBe(true);
  rmSync(dir, { recursive: true });
});

test('without the macro, and without git-theta, store files are those of Git LFS', async () => {
  const attributes = join(repo.scratch.home, '.config/git/attributes');
  const macro = readFileSync(attributes, 'utf8');
  const chunk = repo.read(CHUNK);
  const [, second, third] = world.history.main;
  rmSync(attributes);
  try {
    const filter = await repo.git('check-attr', 'filter', CHUNK);
    expect(filter.stdout).toMatch(/: lfs$/m);
    const dir = await repo.scratch.clone(`file://${repo.dir}`, 'plain-clone');
    const clone = new ModelRepository(repo.scratch, dir);
    await settled(clone, { [MODEL]: third });
    expect(clone.read(CHUNK).equals(chunk)).toBe(true);
    await clone.git('checkout', '--quiet', 'main~1');
    await settled(clone, { [MODEL]: second });
    rmSync(dir, { recursive: true });

    // Git LFS alone: the tensors as Zarr, the checkpoint as its manifest.
    const home = repo.scratch.path('lfs-home');
    mkdirSync(home, { recursive: true });
    const env = { HOME: home, GIT_CONFIG_GLOBAL: join(home, '.gitconfig') };
    const alone = (...args: string[]) => repo.scratch.run('git', args, { env });
    await alone('lfs', 'install', '--skip-repo');
    await alone('clone', '--quiet', `file://${repo.dir}`, 'lfs-clone');
    const lfs = new ModelRepository(repo.scratch, repo.scratch.path('lfs-clone'));
    expect(lfs.read(CHUNK).equals(chunk)).toBe(true);
    expect(lfs.read(MODEL).toString()).toMatch(/^\{"git-theta":1/);
  } finally {
    appendFileSync(attributes, macro);
  }
});

test('a store file that somebody changed becomes an object, as through Git LFS', async () => {
  const objects = repo.objects().length;
  rmSync(repo.path(CHUNK));
  repo.write(CHUNK, 'other bytes');
  expect(await repo.status()).toEqual([` M ${CHUNK}`]);
  await repo.git('add', CHUNK);
  expect((await repo.git('show', `:${CHUNK}`)).stdout).toMatch(/^version .*\nsize 11\n$/s);
  expect(repo.objects().length).toBe(objects + 1);
  await repo.git('lfs', 'fsck', '--objects');
  await repo.git('reset', '--quiet', '--hard');
  expect(await repo.changes('main~1', 'main')).toEqual(changedBy(2));
  await settled(repo, { [MODEL]: world.history.main[2] });
});
