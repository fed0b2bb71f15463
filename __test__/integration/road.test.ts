import { existsSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { FIXTURES, Scratch } from '../support/scratch';
import { inode, ModelRepository, model, safetensors, type Tensors, values } from './road-model';

let repo: ModelRepository;

beforeEach(async () => {
  repo = await ModelRepository.create();
  await repo.theta('track', 'model.safetensors');
});

afterEach(() => repo.scratch.cleanup());

const MODEL = 'model.safetensors';

test('add stages model, tensors and attributes, and leaves git nothing to read', async () => {
  repo.write(MODEL, safetensors({ a: values(4096), 'b c': values(4096) }));
  await repo.theta('add', MODEL);
  expect(await repo.status()).toEqual([
    'A  .git_theta/.gitattributes',
    'A  .git_theta/model.safetensors/.skeleton/c.0',
    'A  .git_theta/model.safetensors/.skeleton/zarr.json',
    'A  .git_theta/model.safetensors/a/c.0',
    'A  .git_theta/model.safetensors/a/zarr.json',
    'A  .git_theta/model.safetensors/b%20c/c.0',
    'A  .git_theta/model.safetensors/b%20c/zarr.json',
    'A  .git_theta/model.safetensors/zarr.json',
    'A  .gitattributes',
    'A  model.safetensors',
  ]);
  // Neither filter is there to answer: nothing is left to clean.
  const blind = ['-c', 'filter.theta.process=false', '-c', 'filter.lfs.process=false'];
  expect((await repo.git(...blind, 'diff-files', '--name-only')).stdout).toBe('');
  expect((await repo.git('show', `:${MODEL}`)).stdout).toMatch(
    /^\{"git-theta":1,"format":"safetensors"\}\n/,
  );
  await repo.sound();
});

test('one changed tensor stages its own files and the manifest, nothing else', async () => {
  const tensors = model();
  await repo.commit(MODEL, tensors);
  const before = repo.objects().length;
  repo.write(MODEL, safetensors({ ...tensors, 'layer.3.weight': values(4096) }));
  const { stdout } = await repo.theta('add', MODEL);
  expect(stdout).toContain('6 tensors, 1 changed, ');
  expect(await repo.changes('--cached')).toEqual([
    '.git_theta/model.safetensors/layer.3.weight/c.0',
    '.git_theta/model.safetensors/layer.3.weight/zarr.json',
    'model.safetensors',
  ]);
  expect(repo.objects().length).toBe(before + 2);
  expect(await repo.changes()).toEqual([]);
  await repo.git('commit', '--quiet', '-m', 'second');
  await repo.sound();
});

test('an unchanged file stages nothing, even after a touch', async () => {
  const content = await repo.commit(MODEL, model());
  repo.write(MODEL, content);
  const { stdout } = await repo.theta('add', MODEL);
  expect(stdout).toBe(`${MODEL} is unchanged.\n`);
  expect(await repo.status()).toEqual([]);
});

test('a dry run says what would be staged and changes nothing', async () => {
  repo.write(MODEL, safetensors(model()));
  const { stdout } = await repo.theta('add', '--dry-run', MODEL);
  expect(stdout).toContain('Would stage model.safetensors: 6 tensors');
  expect(await repo.changes('--cached')).toEqual([]);
  expect(existsSync(repo.path('.git/lfs/objects'))).toBe(false);
});

test('git checkout brings back every version byte for byte', async () => {
  const first = model();
  const contents = [await repo.commit(MODEL, first)];
  const second: Tensors = { ...first, 'layer.0.weight': values(4096) };
  contents.push(await repo.commit(MODEL, second));
  const { 'layer.1.weight': _, ...third } = second;
  contents.push(await repo.commit(MODEL, { ...third, added: values(100) }));
  contents.push(await repo.commit(MODEL, Buffer.from('not a checkpoint at all')));
  for (const back of [3, 2, 1, 0]) {
    await repo.git('checkout', '--quiet', `main~${back}`);
    expect(repo.read(MODEL).equals(contents[3 - back] as Buffer)).toBe(true);
    expect(await repo.status()).toEqual([]);
    await repo.sound();
  }
});

test('files of frameworks come back as they were', async () => {
  await repo.theta('track', '*.pt', '*.onnx');
  const names = [
    'torch/tied.pt',
    'torch/views.pt',
    'torch/rezipped_deflated.pt',
    'onnx/inline.onnx',
  ];
  for (const name of names) repo.write(name, readFileSync(`${FIXTURES}/${name}`));
  await repo.theta('add', '.');
  await repo.git('commit', '--quiet', '-m', 'fixtures');
  for (const name of names) rmSync(repo.path(name));
  await repo.git('reset', '--quiet', '--hard');
  for (const name of names) {
    expect(repo.read(name).equals(readFileSync(`${FIXTURES}/${name}`))).toBe(true);
  }
  await repo.sound();
});

test('a deleted model is staged as removed with its store', async () => {
  await repo.commit(MODEL, model());
  unlinkSync(repo.path(MODEL));
  const { stdout } = await repo.theta('add', MODEL);
  expect(stdout).toContain('removal');
  expect((await repo.git('ls-files')).stdout).toBe('.git_theta/.gitattributes\n.gitattributes\n');
  expect(existsSync(repo.path('.git_theta/model.safetensors'))).toBe(false);
});

test('paths that are not tracked, missing or outside are refused with a hint', async () => {
  repo.write('other.bin', 'x');
  const other = await repo.try('theta', 'add', 'other.bin');
  expect(other.code).toBe(128);
  expect(other.stderr).toMatch(/^error: .*'other.bin'.*not tracked/);
  expect(other.stderr).toContain('git theta track other.bin');
  expect((await repo.try('theta', 'add', 'absent.safetensors')).code).toBe(128);
  const outside = await repo.try('theta', 'add', '../x');
  expect(outside.code).toBe(128);
  expect(outside.stderr).toMatch(/^error: /);
});

test('models in folders, with odd names, by folder and by glob', async () => {
  await repo.theta('track', '*.pt');
  const names = ['a b/mö"del\'.pt', 'a b/[x]*.pt', 'deep/er/model.pt'];
  const content = safetensors(model(2));
  for (const name of names) repo.write(name, content);
  await repo.theta('add', 'a b');
  await repo.scratch.run('git', ['theta', 'add', '*.pt'], { cwd: repo.path('deep') });
  await repo.git('commit', '--quiet', '-m', 'models');
  expect(await repo.status()).toEqual([]);
  await repo.sound();
  for (const name of names) rmSync(repo.path(name));
  await repo.git('checkout', '--', '.');
  for (const name of names) expect(repo.read(name).equals(content)).toBe(true);
});

test('status and ls-files count tensors', async () => {
  const tensors = model();
  await repo.commit(MODEL, tensors);
  repo.write(MODEL, safetensors({ ...tensors, 'layer.2.weight': values(4096), extra: values(10) }));
  const { stdout } = await repo.theta('status');
  expect(stdout).toContain(
    'model.safetensors: modified, not staged (1 tensor changed, 1 tensor added)',
  );
  await repo.theta('add', MODEL);
  expect((await repo.theta('status')).stdout).toContain('staged as modified (1 tensor changed');
  const listed = JSON.parse((await repo.theta('ls-files', '--tensors', '--json')).stdout);
  expect(listed.models[0]).toMatchObject({ path: MODEL, format: 'safetensors', tensorCount: 7 });
  expect(listed.models[0].tensors[1]).toMatchObject({
    name: 'layer.0.weight',
    dtype: 'float32',
    shape: [4096],
  });
});

test('checkout completes a clone that was made without objects', async () => {
  const content = await repo.commit(MODEL, model());
  const env = { GIT_LFS_SKIP_SMUDGE: '1' };
  await repo.scratch.run(
    'git',
    ['clone', '--quiet', '--no-local', repo.dir, repo.scratch.path('clone')],
    { env },
  );
  const clone = new ModelRepository(repo.scratch, repo.scratch.path('clone'));
  expect(clone.read(MODEL).toString()).toMatch(/^\{"git-theta":1/);
  expect(await clone.status()).toEqual([]);
  await clone.theta('checkout');
  expect(clone.read(MODEL).equals(content)).toBe(true);
  expect(await clone.status()).toEqual([]);
});

test('a checkpoint above the limit is written by the hook', async () => {
  const content = await repo.commit(MODEL, model());
  await repo.git('config', 'theta.smudgeLimit', '1k');
  rmSync(repo.path(MODEL));
  await repo.git('checkout', '--', MODEL);
  expect(repo.read(MODEL).equals(content)).toBe(true);
  expect(await repo.status()).toEqual([]);
});

test('store files in the work tree are links to the objects; copies become links again', async () => {
  await repo.commit(MODEL, model(2));
  const file = '.git_theta/model.safetensors/layer.0.weight/c.0';
  const pointer = (await repo.git('show', `HEAD:${file}`)).stdout;
  const oid = /sha256:(\w+)/.exec(pointer)?.[1] as string;
  expect(inode(repo.path(file))).toBe(inode(repo.object(oid)));
  rmSync(repo.path('.git_theta'), { recursive: true });
  await repo.git('-c', 'core.hooksPath=/nowhere', 'checkout', '--', '.');
  expect(inode(repo.path(file))).not.toBe(inode(repo.object(oid)));
  await repo.theta('dedup');
  expect(inode(repo.path(file))).toBe(inode(repo.object(oid)));
  expect(await repo.status()).toEqual([]);
});

test('a SHA-256 repository works the same', async () => {
  const scratch = new Scratch();
  try {
    await scratch.run('git', ['theta', 'install']);
    await scratch.git('init', '--quiet', '--object-format=sha256', scratch.path('r'));
    const other = new ModelRepository(scratch, scratch.path('r'));
    await other.theta('track', MODEL);
    const content = await other.commit(MODEL, model(2));
    await other.commit(MODEL, model(2));
    await other.git('checkout', '--quiet', 'HEAD~1');
    expect(other.read(MODEL).equals(content)).toBe(true);
    await other.sound();
  } finally {
    scratch.cleanup();
  }
});
