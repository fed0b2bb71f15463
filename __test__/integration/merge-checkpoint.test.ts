// Real checkpoints through everything: filters, hooks, Git LFS. What comes out is compared byte for byte.
import { existsSync } from 'node:fs';
import { ModelRepository, model, safetensors, type Tensors, values } from './road-model';

const MODEL = 'model.safetensors';

let repo: ModelRepository;
let base: Tensors;
let ours: Tensors;
let theirs: Tensors;

/** `main` and `side` from one base, each with its changes committed; `main` is checked out. */
async function diverge(): Promise<void> {
  await repo.commit(MODEL, base, 'base');
  await repo.git('switch', '--quiet', '-c', 'side');
  await repo.commit(MODEL, theirs, 'theirs');
  await repo.git('switch', '--quiet', 'main');
  await repo.commit(MODEL, ours, 'ours');
}

beforeEach(async () => {
  repo = await ModelRepository.create();
  await repo.git('config', 'merge.theta.recursive', 'theta');
  await repo.theta('track', MODEL);
  base = model(6, 2000);
  ours = { ...base, 'layer.0.weight': values(2000) };
  theirs = { ...base, 'layer.3.weight': values(2000), 'layer.4.weight': new Float32Array(2000) };
});

afterEach(() => repo.scratch.cleanup());

async function expectCheckpoint(tensors: Tensors): Promise<void> {
  expect(repo.read(MODEL).equals(safetensors(tensors))).toBe(true);
  expect(await repo.status()).toEqual([]);
  await repo.sound();
}

const both = (): Tensors => ({
  ...ours,
  'layer.3.weight': theirs['layer.3.weight'] as Float32Array,
  'layer.4.weight': theirs['layer.4.weight'] as Float32Array,
});

test.each([
  ['merge', ['merge', '--quiet', '--no-edit', 'side']],
  ['cherry-pick', ['cherry-pick', 'side']],
  ['rebase', ['rebase', '--quiet', 'side']],
])('%s writes the merged checkpoint', async (_, args) => {
  await diverge();
  await repo.git(...args);
  await expectCheckpoint(both());
});

describe('a conflict', () => {
  beforeEach(async () => {
    theirs = { ...theirs, 'layer.0.weight': values(2000) };
    await diverge();
    const { code, stderr } = await repo.try('merge', '--no-edit', 'side');
    expect(code).toBe(1);
    expect(stderr).toContain('layer.0.weight: both sides changed it');
    expect(repo.read(MODEL).equals(safetensors(ours))).toBe(true);
  });

  test('resolved with their version, continued by git-theta', async () => {
    await repo.git('checkout', '--theirs', MODEL);
    await repo.theta('add', MODEL);
    await repo.theta('merge', '--continue');
    await expectCheckpoint(theirs);
    expect(existsSync(repo.path('.git/MERGE_HEAD'))).toBe(false);
  });

  test('resolved with a new file and plain git: the hook completes the store', async () => {
    const mine = { ...both(), 'layer.0.weight': values(2000) };
    repo.write(MODEL, safetensors(mine));
    await repo.git('add', MODEL);
    await repo.git('commit', '--quiet', '--no-edit');
    await expectCheckpoint(mine);
  });

  test('undone', async () => {
    await repo.theta('merge', '--abort');
    await expectCheckpoint(ours);
  });
});
