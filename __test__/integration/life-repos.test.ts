// Kinds of repositories: linked work trees, submodules, clones of every depth, other people's hooks.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Scratch } from '../support/scratch';
import { changedBy, MODEL, ROOT, settled, settledInClone, World } from './life-world';
import { ModelRepository, model, safetensors, values } from './road-model';

let world: World;
let repo: ModelRepository;
let main: World['history']['main'];
let side: World['history']['side'];
/** A bare repository with the whole history. */
let remote: string;

beforeAll(async () => {
  world = await World.create();
  ({ main, side } = world.history);
  remote = await world.scratch.bare('remote.git');
  await world.template.git('remote', 'add', 'origin', `file://${remote}`);
  await world.template.git('push', '--quiet', 'origin', 'main', 'side');
});
afterAll(() => world.cleanup());

beforeEach(async () => {
  repo = await world.repo();
});
afterEach(() => world.clear());

const at = (dir: string) => new ModelRepository(world.scratch, dir);
const clone = async (name: string, ...args: string[]) =>
  at(await world.scratch.clone(`file://${remote}`, name, ...args));

function changed(...layers: number[]): Buffer {
  const fresh = layers.map((n) => [`layer.${n}.weight`, values(4096)]);
  return safetensors({ ...world.history.tensors, ...Object.fromEntries(fresh) });
}

function script(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

test('linked work trees add, commit and check out side by side', async () => {
  const dir = world.scratch.path('linked');
  await repo.git('worktree', 'add', '--quiet', dir, 'side');
  const linked = at(dir);
  await settled(linked, { [MODEL]: side[1] });
  await settled(repo, { [MODEL]: main[2] });

  const [here, there] = [changed(0), changed(3)];
  repo.write(MODEL, here);
  linked.write(MODEL, there);
  await Promise.all([repo.theta('add', MODEL), linked.theta('add', MODEL)]);
  await Promise.all([
    repo.git('commit', '--quiet', '-m', 'here'),
    linked.git('commit', '--quiet', '-m', 'there'),
  ]);
  await settled(repo, { [MODEL]: here });
  await settled(linked, { [MODEL]: there });

  const plain = changed(5);
  linked.write(MODEL, plain);
  await linked.git('commit', '--quiet', '-m', 'plain', '--', MODEL);
  await settled(linked, { [MODEL]: plain });
  await linked.git('checkout', '--quiet', '--detach', 'main');
  await settled(linked, { [MODEL]: here });
  await repo.git('merge', '--quiet', '--no-edit', '-s', 'ours', 'side');
  await repo.git('checkout', '--quiet', 'HEAD^2');
  await settled(repo, { [MODEL]: plain });
  await linked.git('checkout', '--quiet', 'side~2');
  await settled(linked, { [MODEL]: side[1] });
  await repo.git('worktree', 'remove', '--force', dir);
  await settled(repo, { [MODEL]: plain });
});

test('a model in a submodule', async () => {
  const outer = at(await world.scratch.repo('outer'));
  await outer.git('submodule', '--quiet', 'add', `file://${remote}`, 'sub');
  const sub = at(outer.path('sub'));
  await settled(sub, { [MODEL]: main[2] });
  await outer.git('commit', '--quiet', '-m', 'with a submodule');
  expect(existsSync(outer.path('.git_theta'))).toBe(false);

  const next = changed(0);
  sub.write(MODEL, next);
  await sub.git('commit', '--quiet', '-a', '-m', 'inside');
  expect(await sub.changes('HEAD~1', 'HEAD')).toEqual(changedBy(0));
  await settled(sub, { [MODEL]: next });
  await sub.git('push', '--quiet', 'origin', 'HEAD:refs/heads/inside');
  await outer.git('commit', '--quiet', '-a', '-m', 'moved on');
  expect(await outer.status()).toEqual([]);

  const target = world.scratch.path('outer-clone');
  await world.scratch.git(
    'clone',
    '--quiet',
    '--recurse-submodules',
    `file://${outer.dir}`,
    target,
  );
  const cloned = at(join(target, 'sub'));
  await settled(cloned, { [MODEL]: next });
  await at(target).git('checkout', '--quiet', '--recurse-submodules', 'HEAD~1');
  await settled(cloned, { [MODEL]: main[2] });
});

test('a shallow clone has the last version, can commit, push and deepen', async () => {
  const shallow = await clone('shallow', '--depth', '1');
  expect((await shallow.git('rev-list', '--count', 'HEAD')).stdout).toBe('1\n');
  await settled(shallow, { [MODEL]: main[2] });
  const next = changed(0);
  shallow.write(MODEL, next);
  await shallow.theta('add', MODEL);
  await shallow.git('commit', '--quiet', '-m', 'shallow');
  await shallow.git('push', '--quiet', 'origin', 'HEAD:refs/heads/from-shallow');
  await shallow.git('fetch', '--quiet', '--unshallow', 'origin');
  await shallow.git('checkout', '--quiet', 'HEAD~3');
  await settled(shallow, { [MODEL]: main[0] });
  const whole = await clone('whole', '--branch', 'from-shallow');
  await settled(whole, { [MODEL]: next });
});

test('a partial clone without blobs', async () => {
  await at(remote).git('config', 'uploadpack.allowFilter', 'true');
  await at(remote).git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  const partial = await clone('partial', '--filter=blob:none');
  expect((await partial.git('rev-list', '--objects', '--missing=print', '--all')).stdout).toMatch(
    /^\?/m,
  );
  await settled(partial, { [MODEL]: main[2] });
  const next = changed(0);
  partial.write(MODEL, next);
  await partial.git('commit', '--quiet', '-a', '-m', 'partial');
  await settled(partial, { [MODEL]: next });
  await partial.git('push', '--quiet', 'origin', 'HEAD:refs/heads/from-partial');
  await partial.git('checkout', '--quiet', 'origin/side');
  await settled(partial, { [MODEL]: side[1] });
});

test('a SHA-256 repository, pushed, cloned, rebased', async () => {
  const scratch = new Scratch();
  scratch.env.GIT_DEFAULT_HASH = 'sha256';
  try {
    const created = await ModelRepository.create(scratch);
    await created.theta('track', MODEL);
    const tensors = model(4);
    const first = await created.commit(MODEL, tensors);
    expect((await created.git('rev-parse', 'HEAD')).stdout).toHaveLength(65);
    const second = safetensors({ ...tensors, 'layer.1.weight': values(4096) });
    created.write(MODEL, second);
    await created.git('commit', '--quiet', '-a', '-m', 'second');
    expect(await created.changes('HEAD~1', 'HEAD')).toEqual(changedBy(1));
    await created.git('checkout', '--quiet', '-b', 'other', 'HEAD~1');
    await created.commit(MODEL, { ...tensors, 'layer.2.weight': values(4096) });
    await created.git('rebase', '--quiet', 'main');
    const merged = created.read(MODEL);
    await settled(created, { [MODEL]: merged });
    const bare = await scratch.bare('bare.git');
    await created.git('push', '--quiet', `file://${bare}`, 'main', 'other');
    const copy = new ModelRepository(scratch, await scratch.clone(`file://${bare}`, 'copy'));
    await settled(copy, { [MODEL]: second });
    await copy.git('checkout', '--quiet', 'HEAD~1');
    await settled(copy, { [MODEL]: first });
    await copy.git('checkout', '--quiet', 'other');
    await settled(copy, { [MODEL]: merged });
  } finally {
    scratch.cleanup();
  }
});

test('git archive has the checkpoints themselves', async () => {
  for (const [rev, content] of [
    ['HEAD', main[2]],
    ['HEAD~2', main[0]],
  ] as const) {
    const { bytes } = await repo.git('archive', '--format=tar', rev);
    const dir = world.scratch.path(`archive-${rev}`);
    mkdirSync(dir);
    execFileSync('tar', ['-x', '-C', dir], { input: bytes });
    expect(readFileSync(join(dir, MODEL)).equals(content)).toBe(true);
    // The tensors are there, too: opened by any Zarr reader.
    expect(JSON.parse(readFileSync(join(dir, ROOT, 'zarr.json'), 'utf8')).node_type).toBe('group');
    expect(statSync(join(dir, ROOT, 'layer.0.weight/c.0')).size).toBeGreaterThan(1000);
  }
});

test('a foreign core.hooksPath: the line that doctor prints is enough', async () => {
  const hooks = repo.path('team-hooks');
  script(join(hooks, 'pre-commit'), `echo ran >> "${repo.dir}/../team-ran"`);
  await repo.git('config', 'core.hooksPath', 'team-hooks');
  await repo.theta('install', '--local');
  expect(readFileSync(join(hooks, 'pre-commit'), 'utf8')).not.toContain('git theta');

  // Without our hooks the commit lags, and says so; a push is still complete.
  const first = changed(0);
  repo.write(MODEL, first);
  await repo.git('commit', '--quiet', '-a', '-m', 'no hook of ours');
  const lagging = await repo.try('theta', 'fsck');
  expect(lagging.code).toBe(1);
  const doctor = await repo.try('theta', 'doctor');
  expect(doctor.stdout).toContain('git theta hook pre-commit "$@"');
  await repo.theta('push', 'origin', 'HEAD:refs/heads/hookless');
  const cloned = await clone('hookless', '--branch', 'hookless');
  expect(cloned.read(MODEL).equals(first)).toBe(true);
  expect(await cloned.status()).toEqual([]);

  const names = ['pre-commit', 'post-commit', 'pre-push', 'post-checkout', 'post-merge'];
  for (const name of [...names, 'post-rewrite']) {
    script(join(hooks, name), `git theta hook ${name} "$@"`);
  }
  await repo.git('add', '-A');
  await repo.git('commit', '--quiet', '-m', 'completed by the line');
  await settled(repo, { [MODEL]: first });
  const second = changed(3);
  repo.write(MODEL, second);
  await repo.git('commit', '--quiet', '-m', 'partial', '--', MODEL);
  await settledInClone(repo, { [MODEL]: second }, 'wired');
});

test('hooks that were there are kept, run first, and can refuse', async () => {
  const fresh = at(await world.scratch.repo('hooked'));
  const log = world.scratch.path('hook-log');
  const folder = fresh.path('.git/hooks');
  script(join(folder, 'pre-commit'), `echo pre-commit >> '${log}'; test ! -e refuse`);
  script(
    join(folder, 'pre-push'),
    `echo "pre-push $1" >> '${log}'; cat >> '${log}'; test ! -e refuse`,
  );
  await fresh.theta('track', MODEL);
  fresh.write(MODEL, main[0]);
  await fresh.git('add', '.');
  fresh.write('refuse', '');
  expect((await fresh.try('commit', '-m', 'refused')).code).toBe(1);
  rmSync(fresh.path('refuse'));
  await fresh.git('commit', '--quiet', '-m', 'first');
  await settled(fresh, { [MODEL]: main[0] });

  const bare = await world.scratch.bare('hooked.git');
  await fresh.git('remote', 'add', 'origin', `file://${bare}`);
  fresh.write('refuse', '');
  expect((await fresh.try('push', 'origin', 'main')).code).not.toBe(0);
  expect((await fresh.git('ls-remote', 'origin')).stdout).toBe('');
  rmSync(fresh.path('refuse'));
  await fresh.git('push', '--quiet', 'origin', 'main');
  const head = (await fresh.git('rev-parse', 'HEAD')).stdout.trim();
  const push = `pre-push origin\nrefs/heads/main ${head} refs/heads/main ${'0'.repeat(40)}\n`;
  expect(readFileSync(log, 'utf8')).toBe(`pre-commit\npre-commit\n${push}${push}`);
  await settled(at(await world.scratch.clone(`file://${bare}`, 'hooked-clone')), {
    [MODEL]: main[0],
  });

  await fresh.theta('uninstall', '--local');
  expect(readFileSync(join(folder, 'pre-commit'), 'utf8')).toContain('test ! -e refuse');
  expect(readFileSync(join(folder, 'pre-push'), 'utf8')).toContain('test ! -e refuse');
});

test('a clone by somebody without git theta install is completed later', async () => {
  const bare = new Scratch();
  try {
    // git-lfs alone is set up: the store is downloaded, the manifest stays text.
    await bare.git('lfs', 'install', '--skip-repo');
    const dir = await bare.clone(`file://${remote}`, 'clone');
    const cloned = new ModelRepository(bare, dir);
    expect(cloned.read(MODEL).toString()).toMatch(/^\{"git-theta":1,"format":"safetensors"\}\n/);
    expect(await cloned.status()).toEqual([]);
    await cloned.theta('install');
    await cloned.theta('checkout');
    await settled(cloned, { [MODEL]: main[2] });
    await cloned.git('checkout', '--quiet', 'HEAD~1');
    await settled(cloned, { [MODEL]: main[1] });
  } finally {
    bare.cleanup();
  }
});

test('a clone without git-lfs set up either', async () => {
  const bare = new Scratch();
  try {
    const dir = await bare.clone(`file://${remote}`, 'clone');
    const cloned = new ModelRepository(bare, dir);
    expect(cloned.read(`${ROOT}/zarr.json`).toString()).toMatch(/^version https:\/\/git-lfs/);
    await cloned.theta('install', '--local');
    await cloned.theta('checkout');
    await settled(cloned, { [MODEL]: main[2] });
    expect(cloned.read(`${ROOT}/zarr.json`).toString()).toMatch(/^\{/);
    await cloned.git('checkout', '--quiet', 'HEAD~1');
    await settled(cloned, { [MODEL]: main[1] });
  } finally {
    bare.cleanup();
  }
});

describe('without smudge', () => {
  const env = { GIT_LFS_SKIP_SMUDGE: '1' };
  const skipped = async (name: string) => {
    const dir = world.scratch.path(name);
    await world.scratch.run('git', ['clone', '--quiet', `file://${remote}`, dir], { env });
    const cloned = at(dir);
    expect(cloned.read(MODEL).toString()).toMatch(/^\{"git-theta":1/);
    expect(cloned.read(`${ROOT}/zarr.json`).toString()).toMatch(/^version /);
    expect(cloned.objects()).toEqual([]);
    expect(await cloned.status()).toEqual([]);
    return cloned;
  };

  test('fetch brings the objects, checkout the file', async () => {
    const cloned = await skipped('skip-fetch');
    await cloned.theta('fetch');
    expect(cloned.read(MODEL).toString()).toMatch(/^\{"git-theta":1/);
    expect(cloned.objects().length).toBeGreaterThan(10);
    await cloned.theta('checkout', MODEL);
    await settled(cloned, { [MODEL]: main[2] });
    expect(cloned.read(`${ROOT}/zarr.json`).toString()).toMatch(/^\{/);
  });

  test('pull does both, and brings new commits', async () => {
    const cloned = await skipped('skip-pull');
    await world.scratch.run('git', ['reset', '--quiet', '--hard', 'HEAD~1'], {
      cwd: cloned.dir,
      env,
    });
    expect(cloned.objects()).toEqual([]);
    await cloned.theta('pull', '--quiet');
    await settled(cloned, { [MODEL]: main[2] });
    expect(cloned.read(`${ROOT}/zarr.json`).toString()).toMatch(/^\{/);
  });

  test('install --skip-smudge leaves manifests, which can be committed over', async () => {
    const scratch = new Scratch();
    try {
      await scratch.git('theta', 'install', '--skip-smudge');
      const cloned = new ModelRepository(scratch, await scratch.clone(`file://${remote}`, 'c'));
      expect(cloned.read(MODEL).toString()).toMatch(/^\{"git-theta":1/);
      await cloned.git('checkout', '--quiet', 'side');
      expect(cloned.read(MODEL).toString()).toMatch(/^\{"git-theta":1/);
      expect(await cloned.status()).toEqual([]);
      cloned.write('note.txt', 'x');
      await cloned.git('add', '-A');
      await cloned.git('commit', '--quiet', '-m', 'beside the manifest');
      expect(await cloned.changes('HEAD~1', 'HEAD')).toEqual(['note.txt']);
      await cloned.theta('checkout', MODEL);
      expect(cloned.read(MODEL).equals(side[1])).toBe(true);
      expect(await cloned.status()).toEqual([]);
      const next = changed(1);
      cloned.write(MODEL, next);
      await cloned.theta('add', MODEL);
      await cloned.git('commit', '--quiet', '-m', 'next');
      await cloned.git('push', '--quiet', 'origin', 'HEAD:refs/heads/skipped');
      await settled(await clone('of-skipped', '--branch', 'skipped'), { [MODEL]: next });
    } finally {
      scratch.cleanup();
    }
  });
});
