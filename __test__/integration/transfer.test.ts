import { existsSync, rmSync } from 'node:fs';
import { Scratch } from '../support/scratch';
import { ModelRepository, model, safetensors, values } from './road-model';

let repo: ModelRepository;
let remote: string;
const MODEL = 'model.safetensors';

beforeEach(async () => {
  const scratch = new Scratch();
  repo = await ModelRepository.create(scratch);
  remote = await scratch.bare('remote.git');
  await repo.git('remote', 'add', 'origin', `file://${remote}`);
  await repo.theta('track', MODEL);
});

afterEach(() => repo.scratch.cleanup());

async function clone(name = 'clone', ...args: string[]): Promise<ModelRepository> {
  await repo.scratch.clone(`file://${remote}`, name, ...args);
  return new ModelRepository(repo.scratch, repo.scratch.path(name));
}

test('a clone has the model, links, hooks and every version', async () => {
  const tensors = model();
  const first = await repo.commit(MODEL, tensors);
  const second = await repo.commit(MODEL, { ...tensors, 'layer.0.weight': values(4096) });
  await repo.git('push', '--quiet', 'origin', 'main');
  const other = await clone();
  expect(other.read(MODEL).equals(second)).toBe(true);
  expect(await other.status()).toEqual([]);
  expect(existsSync(other.path('.git/hooks/pre-commit'))).toBe(true);
  await other.git('checkout', '--quiet', 'HEAD~1');
  expect(other.read(MODEL).equals(first)).toBe(true);
  await other.sound();
});

test('commits made without hooks are pushed whole', async () => {
  repo.write(MODEL, safetensors(model()));
  await repo.git('add', '.gitattributes', MODEL);
  await repo.git('commit', '--quiet', '--no-verify', '-m', 'no store');
  expect((await repo.git('ls-tree', '-r', '--name-only', 'HEAD')).stdout).not.toContain(
    '.git_theta/model',
  );
  await repo.git('push', '--quiet', 'origin', 'main');
  const other = await clone();
  expect(other.read(MODEL).equals(repo.read(MODEL))).toBe(true);
});

test('a push with a missing object is refused, and nothing is published', async () => {
  const tensors = model();
  await repo.commit(MODEL, tensors);
  await repo.git('push', '--quiet', 'origin', 'main');
  const before = repo.objects();
  await repo.commit(MODEL, { ...tensors, 'layer.0.weight': values(4096) });
  const fresh = repo.objects().find((oid) => !before.includes(oid)) as string;
  repo.lose(fresh);
  for (const command of [['push'], ['theta', 'push']]) {
    const failed = await repo.try(...command, 'origin', 'main');
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain(fresh);
  }
  const { stdout } = await repo.scratch.gitIn(remote, 'rev-list', '--count', 'main');
  expect(stdout.trim()).toBe('1');
});

test('git theta push uploads without hooks', async () => {
  await repo.commit(MODEL, model());
  rmSync(repo.path('.git/hooks'), { recursive: true });
  await repo.theta('push', '--set-upstream', 'origin', 'main');
  const other = await clone();
  expect(other.read(MODEL).equals(repo.read(MODEL))).toBe(true);
  expect((await repo.git('status', '--branch', '--porcelain=v2')).stdout).toContain(
    'branch.ab +0 -0',
  );
});

test('new branches, deletions and tags push; removed models too', async () => {
  await repo.commit(MODEL, model());
  await repo.git('push', '--quiet', 'origin', 'main');
  await repo.git('rm', '--quiet', MODEL);
  await repo.git('commit', '--quiet', '-m', 'gone');
  await repo.git('tag', '-a', 'v1', '-m', 'tag');
  await repo.git('push', '--quiet', 'origin', 'main', 'main:branch', 'v1');
  await repo.git('push', '--quiet', 'origin', ':branch');
  const other = await clone();
  expect(existsSync(other.path(MODEL))).toBe(false);
});

test('pull and fetch bring what others pushed', async () => {
  const tensors = model();
  await repo.commit(MODEL, tensors);
  await repo.git('push', '--quiet', 'origin', 'main');
  const other = await clone();
  const next = await repo.commit(MODEL, { ...tensors, 'layer.5.weight': values(4096) });
  await repo.git('push', '--quiet', 'origin', 'main');
  await other.theta('pull', '--quiet');
  expect(other.read(MODEL).equals(next)).toBe(true);
  await other.sound();

  const bare = await clone(
    'skipped',
    '--config',
    'filter.theta.process=git-theta-filter process --skip',
    '--config',
    'lfs.fetchexclude=*',
  );
  expect(bare.read(MODEL).toString()).toMatch(/^\{"git-theta"/);
  expect((await bare.theta('fetch', '--dry-run')).stdout).toMatch(/^Would fetch \d+ objects/);
  await bare.theta('fetch', '--all');
  expect((await bare.theta('fetch', '--all')).stdout).toBe('No object is missing.\n');
  await bare.theta('checkout');
  expect(bare.read(MODEL).equals(next)).toBe(true);
});

test('prune keeps what is needed and drops what the remote has', async () => {
  const tensors = model();
  const first = await repo.commit(MODEL, tensors);
  await repo.git('push', '--quiet', 'origin', 'main');
  const second = await repo.commit(MODEL, { ...tensors, 'layer.0.weight': values(4096) });
  await repo.git('push', '--quiet', 'origin', 'main');
  // Not pushed, and its objects are named by the manifest alone.
  repo.write(MODEL, safetensors({ ...tensors, 'layer.1.weight': values(4096) }));
  const third = repo.read(MODEL);
  await repo.git('commit', '--quiet', '--no-verify', '-a', '-m', 'no store');
  // Staged only.
  repo.write(MODEL, safetensors({ ...tensors, 'layer.2.weight': values(4096) }));
  await repo.git('add', MODEL);

  await repo.git('config', 'lfs.fetchrecentrefsdays', '0');
  await repo.git('config', 'lfs.fetchrecentcommitsdays', '0');
  await repo.git('config', 'lfs.pruneoffsetdays', '0');
  const before = repo.objects();
  await repo.theta('prune');
  expect(repo.objects().length).toBeLessThan(before.length);
  const staged = repo.read(MODEL);
  rmSync(repo.path(MODEL));
  await repo.git('checkout', '--', MODEL);
  expect(repo.read(MODEL).equals(staged)).toBe(true);
  await repo.git('checkout', '--quiet', '--force', 'HEAD');
  await repo.git('reset', '--quiet', '--hard', 'HEAD');
  expect(repo.read(MODEL).equals(third)).toBe(true);
  for (const [back, content] of [
    [1, second],
    [2, first],
  ] as const) {
    await repo.git('checkout', '--quiet', `main~${back}`);
    expect(repo.read(MODEL).equals(content)).toBe(true);
  }
  await repo.git('push', '--quiet', 'origin', 'main');
  const other = await clone();
  expect(other.read(MODEL).equals(third)).toBe(true);
});
