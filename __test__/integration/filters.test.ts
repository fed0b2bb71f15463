import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { inode, ModelRepository, model, safetensors, sha256, values } from './road-model';

let repo: ModelRepository;
const MODEL = 'model.safetensors';

beforeEach(async () => {
  repo = await ModelRepository.create();
  await repo.theta('track', MODEL);
});

afterEach(() => repo.scratch.cleanup());

test('plain git add and commit end where git theta add ends', async () => {
  const content = safetensors(model());
  repo.write(MODEL, content);
  await repo.git('add', '.gitattributes', MODEL);
  expect(await repo.changes('--cached')).toEqual(['.gitattributes', MODEL]);
  await repo.git('commit', '--quiet', '-m', 'plain');
  expect(await repo.changes('HEAD')).toEqual([]);
  expect((await repo.git('ls-tree', '-r', '--name-only', 'HEAD')).stdout).toContain(
    '.git_theta/model.safetensors/layer.0.weight/c.0',
  );
  expect(await repo.status()).toEqual([]);
  expect(existsSync(repo.path('.git_theta/model.safetensors/zarr.json'))).toBe(true);
  await repo.sound();
});

test('git commit -a stages the changed tensor alone', async () => {
  const tensors = model();
  await repo.commit(MODEL, tensors);
  repo.write(MODEL, safetensors({ ...tensors, 'layer.1.weight': values(4096) }));
  await repo.git('commit', '--quiet', '-a', '-m', 'all');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual([
    '.git_theta/model.safetensors/layer.1.weight/c.0',
    '.git_theta/model.safetensors/layer.1.weight/zarr.json',
    MODEL,
  ]);
  expect(await repo.status()).toEqual([]);
  await repo.sound();
});

test('a partial commit is complete, and so is the index after it', async () => {
  await repo.commit(MODEL, model());
  repo.write('other.txt', 'staged, but not committed');
  await repo.git('add', 'other.txt');
  repo.write(MODEL, safetensors(model()));
  await repo.git('commit', '--quiet', '-m', 'partial', '--', MODEL);
  expect(await repo.status()).toEqual(['A  other.txt']);
  await repo.sound();
  await repo.git('commit', '--quiet', '--amend', '-m', 'amended');
  expect(await repo.status()).toEqual([]);
  await repo.sound();
});

test('a manifest in the work tree is cleaned to itself', async () => {
  await repo.commit(MODEL, model());
  const manifest = (await repo.git('show', `HEAD:${MODEL}`)).stdout;
  repo.write(MODEL, manifest);
  expect((await repo.git('hash-object', MODEL)).stdout).toBe(
    (await repo.git('rev-parse', `HEAD:${MODEL}`)).stdout,
  );
  await repo.git('add', MODEL);
  expect(await repo.status()).toEqual([]);
});

test('content that is not the work-tree file is cleaned too', async () => {
  const tensors = model();
  await repo.commit(MODEL, tensors);
  repo.write('elsewhere', safetensors({ ...tensors, 'layer.1.weight': values(4096) }));
  const { stdout } = await repo.git('hash-object', '-w', '--path', MODEL, 'elsewhere');
  const manifest = (await repo.git('cat-file', 'blob', stdout.trim())).stdout;
  expect(manifest).toMatch(/^\{"git-theta":1,"format":"safetensors"\}/);
  expect(manifest).not.toBe((await repo.git('show', `HEAD:${MODEL}`)).stdout);
});

test('stash, reset, restore and rebase keep files and stores together', async () => {
  const tensors = model();
  const first = await repo.commit(MODEL, tensors);
  const changed = safetensors({ ...tensors, 'layer.1.weight': values(4096) });
  repo.write(MODEL, changed);
  await repo.git('stash', '--quiet');
  expect(repo.read(MODEL).equals(first)).toBe(true);
  expect(await repo.status()).toEqual([]);
  await repo.git('stash', 'pop', '--quiet');
  expect(repo.read(MODEL).equals(changed)).toBe(true);
  await repo.git('reset', '--quiet', '--hard');
  expect(repo.read(MODEL).equals(first)).toBe(true);
  const second = await repo.commit(MODEL, { ...tensors, 'layer.2.weight': values(4096) });
  await repo.git('restore', '--source', 'HEAD~1', MODEL);
  expect(repo.read(MODEL).equals(first)).toBe(true);
  await repo.git('reset', '--quiet', '--hard');

  await repo.git('checkout', '--quiet', '-b', 'side', 'HEAD~1');
  repo.write('note.txt', 'x');
  await repo.git('add', 'note.txt');
  await repo.git('commit', '--quiet', '-m', 'note');
  await repo.git('rebase', '--quiet', 'main');
  expect(repo.read(MODEL).equals(second)).toBe(true);
  expect(await repo.status()).toEqual([]);
  await repo.sound();
});

test('git mv and git rm are completed at commit', async () => {
  const content = await repo.commit(MODEL, model(2));
  await repo.git('mv', MODEL, 'moved.safetensors');
  await repo.git('commit', '--quiet', '-m', 'move');
  const files = (await repo.git('ls-tree', '-r', '--name-only', 'HEAD')).stdout;
  expect(files).toContain('.git_theta/moved.safetensors/layer.0.weight/c.0');
  expect(files).not.toContain('.git_theta/model.safetensors');
  expect((await repo.git('show', 'HEAD:.gitattributes')).stdout).toContain(
    'moved.safetensors filter=theta',
  );
  expect(await repo.status()).toEqual([]);
  await repo.sound();

  await repo.scratch.clone(`file://${repo.dir}`, 'clone');
  const clone = new ModelRepository(repo.scratch, repo.scratch.path('clone'));
  expect(clone.read('moved.safetensors').equals(content)).toBe(true);

  await repo.git('rm', '--quiet', 'moved.safetensors');
  await repo.git('commit', '--quiet', '-m', 'remove');
  expect((await repo.git('ls-tree', '-r', '--name-only', 'HEAD')).stdout).toBe(
    '.git_theta/.gitattributes\n',
  );
  expect(await repo.status()).toEqual([]);
});

test('a corrupt object stops a checkout, is named and repaired', async () => {
  const tensors = model();
  const first = await repo.commit(MODEL, tensors);
  await repo.commit(MODEL, { ...tensors, 'layer.0.weight': values(4096) });
  const file = '.git_theta/model.safetensors/layer.0.weight/c.0';
  const pointer = (await repo.git('show', `HEAD~1:${file}`)).stdout;
  const oid = /sha256:(\w+)/.exec(pointer)?.[1] as string;
  const copy = repo.read('.git/config');
  const kept = (await import('node:fs')).readFileSync(repo.object(oid));
  repo.lose(oid);
  writeFileSync(repo.object(oid), Buffer.alloc(kept.length, 7));
  const failed = await repo.try('checkout', 'HEAD~1', '--', MODEL);
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain(oid);
  expect(failed.stderr).toContain('git theta fsck --repair');
  expect(copy.length).toBeGreaterThan(0);

  repo.lose(oid);
  const missing = await repo.try('checkout', 'HEAD~1', '--', MODEL);
  expect(missing.code).not.toBe(0);
  expect(missing.stderr).toContain(oid);
  writeFileSync(repo.object(oid), kept);
  await repo.git('checkout', 'HEAD~1', '--', MODEL);
  expect(repo.read(MODEL).equals(first)).toBe(true);
});

test('fsck finds damage and repairs it from what is still here', async () => {
  const content = await repo.commit(MODEL, model());
  const file = '.git_theta/model.safetensors/layer.0.weight/c.0';
  const oid = sha256(repo.read(file));
  repo.lose(oid);
  rmSync(repo.path(file));
  const found = await repo.try('theta', 'fsck');
  expect(found.code).toBe(1);
  expect(found.stdout).toContain(`${oid} (`);
  await repo.theta('fsck', '--repair');
  expect(sha256(repo.read(file))).toBe(oid);
  expect(inode(repo.path(file))).toBe(inode(repo.object(oid)));
  rmSync(repo.path(MODEL));
  await repo.git('checkout', '--', MODEL);
  expect(repo.read(MODEL).equals(content)).toBe(true);
  await repo.sound();
});

test('an index that lags is stale, not wrong; a commit that lags is wrong', async () => {
  await repo.commit(MODEL, model());
  repo.write(MODEL, safetensors(model()));
  await repo.git('add', MODEL);
  const lagging = await repo.theta('fsck');
  expect(lagging.stdout).toContain('stale');
  await repo.git('commit', '--quiet', '--no-verify', '-m', 'without hooks');
  const found = await repo.try('theta', 'fsck');
  expect(found.code).toBe(1);
  expect(found.stdout).toContain('in the commit differ from its manifest');
  await repo.try('theta', 'fsck', '--repair');
  await repo.git('commit', '--quiet', '--amend', '-m', 'right');
  await repo.sound();
});
