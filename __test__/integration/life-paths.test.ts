// Where models are and what becomes of them: moved, removed, renamed oddly, replaced by something else.
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { Scratch } from '../support/scratch';
import { settled, settledInClone } from './life-world';
import { lines, ModelRepository, model, safetensors, type Tensors, values } from './road-model';

let scratch: Scratch;
let repo: ModelRepository;
let count = 0;

beforeAll(async () => {
  scratch = new Scratch();
  await scratch.git('theta', 'install');
});
afterAll(() => scratch.cleanup());

beforeEach(async () => {
  count += 1;
  repo = new ModelRepository(scratch, await scratch.repo(`repo${count}`));
});

const small = (): Tensors => model(2, 512);
const fresh = (): Buffer => safetensors(small());
const cloneName = () => `clone${count}`;

/** Adds on the main road, each under a line of its own. */
async function start(contents: Record<string, Buffer>): Promise<void> {
  const names = Object.keys(contents);
  await repo.theta('track', '--', ...names);
  for (const [path, content] of Object.entries(contents)) repo.write(path, content);
  await repo.theta('add', '--', ...names);
  await repo.git('commit', '--quiet', '-m', 'start');
}

const committed = async (rev = 'HEAD') =>
  (await repo.git('ls-tree', '-r', '-z', '--name-only', rev)).stdout.split('\0').slice(0, -1);

/** Models that have a store in the commit. */
const stores = async () => {
  const found = (await committed()).filter((path) => path.endsWith('/.skeleton/zarr.json'));
  return found.map((path) => path.slice('.git_theta/'.length, -'/.skeleton/zarr.json'.length));
};

describe('by plain git', () => {
  test('git mv into a folder', async () => {
    const content = fresh();
    await start({ 'model.pt': content });
    mkdirSync(repo.path('deep/er'), { recursive: true });
    await repo.git('mv', 'model.pt', 'deep/er/other name.pt');
    await repo.git('commit', '--quiet', '-m', 'moved');
    expect(await stores()).toEqual(['deep/er/other name.pt']);
    expect(repo.read('.gitattributes').toString()).not.toContain('model.pt');
    const clone = await settledInClone(repo, { 'deep/er/other name.pt': content }, cloneName());
    await clone.git('checkout', '--quiet', 'HEAD~1');
    await settled(clone, { 'model.pt': content });
  });

  test('git mv of a folder with two models', async () => {
    const contents = { 'old/a.pt': fresh(), 'old/b.pt': fresh() };
    await start(contents);
    await repo.git('mv', 'old', 'new');
    await repo.git('commit', '--quiet', '-m', 'moved');
    expect(await stores()).toEqual(['new/a.pt', 'new/b.pt']);
    await settledInClone(
      repo,
      { 'new/a.pt': contents['old/a.pt'], 'new/b.pt': contents['old/b.pt'] },
      cloneName(),
    );
  });

  test('git mv and a changed tensor in one commit', async () => {
    const tensors = small();
    await start({ 'model.pt': safetensors(tensors) });
    await repo.git('mv', 'model.pt', 'renamed.pt');
    const content = safetensors({ ...tensors, 'layer.1.weight': values(512) });
    repo.write('renamed.pt', content);
    await repo.git('commit', '--quiet', '-a', '-m', 'moved and changed');
    expect(await stores()).toEqual(['renamed.pt']);
    await settledInClone(repo, { 'renamed.pt': content }, cloneName());
  });

  test('a removed model and a new file that is another: nothing is tracked unasked', async () => {
    await start({ 'model.pt': fresh() });
    await repo.git('rm', '--quiet', 'model.pt');
    const other = safetensors(model(3, 512));
    repo.write('other.pt', other);
    await repo.git('add', 'other.pt');
    await repo.git('commit', '--quiet', '-m', 'another');
    expect(await stores()).toEqual([]);
    expect((await repo.git('show', 'HEAD:other.pt')).bytes.equals(other)).toBe(true);
    await settled(repo, { 'other.pt': other });
  });

  test('two models change places', async () => {
    const [a, b] = [fresh(), fresh()];
    await start({ 'a.pt': a, 'b.pt': b });
    await repo.git('mv', 'a.pt', 'c.pt');
    await repo.git('mv', 'b.pt', 'a.pt');
    await repo.git('mv', 'c.pt', 'b.pt');
    await repo.git('commit', '--quiet', '-m', 'exchanged');
    await settledInClone(repo, { 'a.pt': b, 'b.pt': a }, cloneName());
  });

  test('a copy under a tracked name', async () => {
    const content = fresh();
    await repo.theta('track', '*.pt');
    await start({ 'a.pt': content });
    repo.write('b.pt', content);
    await repo.git('add', '-A');
    await repo.git('commit', '--quiet', '-m', 'copied');
    expect(await stores()).toEqual(['a.pt', 'b.pt']);
    await settledInClone(repo, { 'a.pt': content, 'b.pt': content }, cloneName());
  });

  test('git rm, and git rm --cached', async () => {
    const contents = { 'a.pt': fresh(), 'b.pt': fresh(), 'c.pt': fresh() };
    await start(contents);
    await repo.git('rm', '--quiet', 'a.pt');
    await repo.git('rm', '--quiet', '--cached', 'b.pt');
    await repo.git('commit', '--quiet', '-m', 'removed');
    expect(await stores()).toEqual(['c.pt']);
    expect(await repo.status()).toEqual(['?? b.pt']);
    expect(repo.read('b.pt').equals(contents['b.pt'])).toBe(true);
    unlinkSync(repo.path('b.pt'));
    const clone = await settledInClone(repo, { 'c.pt': contents['c.pt'] }, cloneName());
    await clone.git('revert', '--no-edit', 'HEAD');
    await settled(clone, contents);
  });

  test('rm and git commit -a; the last model leaves nothing behind', async () => {
    const content = fresh();
    await start({ 'a.pt': content });
    unlinkSync(repo.path('a.pt'));
    await repo.git('commit', '--quiet', '-a', '-m', 'removed');
    expect(await stores()).toEqual([]);
    await settled(repo, {});
    await repo.git('checkout', '--quiet', 'HEAD~1');
    await settled(repo, { 'a.pt': content });
  });
});

test('globs, also in folders, before and after the file is there', async () => {
  await repo.theta('track', '*.pt', 'runs/**/last.ckpt');
  const contents = {
    'a.pt': fresh(),
    'x/b.pt': fresh(),
    'x/y/c.pt': fresh(),
    'runs/1/last.ckpt': fresh(),
  };
  for (const [path, content] of Object.entries(contents)) repo.write(path, content);
  repo.write('runs/1/first.ckpt', 'not tracked');
  await repo.theta('add', '.');
  await repo.git('add', 'runs/1/first.ckpt');
  await repo.git('commit', '--quiet', '-m', 'globs');
  expect((await stores()).sort()).toEqual(Object.keys(contents).sort());
  const later = fresh();
  repo.write('x/z.pt', later);
  await repo.git('add', 'x');
  await repo.git('commit', '--quiet', '-m', 'later');
  await settledInClone(repo, { ...contents, 'x/z.pt': later }, cloneName());
});

test('names with spaces, quotes, globs, dashes and letters of the world', async () => {
  const names = [
    'sp ace.pt',
    ' lead and trail ',
    'dou"ble.pt',
    "apos'trophe.pt",
    'back\\slash.pt',
    'br[a]ck*et?.pt',
    'tab\there.pt',
    '-dash.pt',
    '--cached',
    '#hash.pt',
    '!bang.pt',
    '%41.pt',
    '.hidden.pt',
    '$(echo no).pt',
    'модель/ünï 模型.pt',
    'zarr.json',
    'c.0/c.0',
    'trailing.dot.',
  ];
  const contents = Object.fromEntries(names.map((name) => [name, fresh()]));
  for (const [path, content] of Object.entries(contents)) repo.write(path, content);
  await repo.theta('track', '--', ...names);
  // Half of them by plain git, half on the main road.
  await repo.theta('add', '--', ...names.filter((_, i) => i % 2 === 0));
  await repo.git('--literal-pathspecs', 'add', '--', ...names.filter((_, i) => i % 2 === 1));
  await repo.git('commit', '--quiet', '-m', 'odd');
  expect((await stores()).sort()).toEqual([...names].sort());
  const clone = await settledInClone(repo, contents, cloneName());

  const next = Object.fromEntries(names.map((name) => [name, fresh()]));
  for (const [path, content] of Object.entries(next)) clone.write(path, content);
  await clone.git('commit', '--quiet', '-a', '-m', 'next');
  await settled(clone, next);
  for (const name of names) rmSync(clone.path(name));
  await clone.theta('checkout', '--', ...names);
  await settled(clone, next);
  await clone.git('checkout', '--quiet', 'HEAD~1');
  await settled(clone, contents);
});

test('commands in a subfolder mean that folder', async () => {
  const contents = { 'model.pt': fresh(), 'sub/model.pt': fresh() };
  for (const [path, content] of Object.entries(contents)) repo.write(path, content);
  const inside = (...args: string[]) => scratch.run('git', args, { cwd: repo.path('sub') });
  await inside('theta', 'track', 'model.pt');
  expect(repo.read('.gitattributes').toString()).toContain('\nsub/model.pt filter=theta');
  await inside('theta', 'add', 'model.pt');
  expect(await repo.changes('--cached')).not.toContain('model.pt');
  expect(await repo.changes('--cached')).toContain('sub/model.pt');
  await inside('theta', 'track', '../model.pt');
  await inside('theta', 'add', '../model.pt');
  await inside('commit', '--quiet', '-m', 'both');
  await settledInClone(repo, contents, cloneName());

  const next = fresh();
  repo.write('sub/model.pt', next);
  await inside('add', '.');
  await inside('commit', '--quiet', '-m', 'next');
  rmSync(repo.path('sub/model.pt'));
  await inside('theta', 'checkout', 'model.pt');
  expect((await inside('theta', 'ls-files')).stdout).toContain('model.pt');
  await inside('theta', 'fsck');
  await settled(repo, { ...contents, 'sub/model.pt': next });
});

test('two models that share tensors share objects and stay apart', async () => {
  const shared = small();
  const [a, b] = [
    { ...shared, own: values(512) },
    { ...shared, own: values(512) },
  ];
  const contents = { 'a.pt': safetensors(a), 'deep/a.pt': safetensors(b) };
  await start(contents);
  const oid = async (path: string) =>
    (await repo.git('rev-parse', `HEAD:.git_theta/${path}`)).stdout;
  expect(await oid('a.pt/layer.0.weight/c.0')).toBe(await oid('deep/a.pt/layer.0.weight/c.0'));
  await settledInClone(repo, contents, cloneName());

  const next = safetensors({ ...b, 'layer.0.weight': values(512) });
  repo.write('deep/a.pt', next);
  await repo.git('commit', '--quiet', '-a', '-m', 'one of them');
  await settled(repo, { 'a.pt': contents['a.pt'], 'deep/a.pt': next });
  await repo.git('rm', '--quiet', 'a.pt');
  await repo.git('commit', '--quiet', '-m', 'the other is gone');
  await settledInClone(repo, { 'deep/a.pt': next }, `${cloneName()}-second`);
  await repo.git('checkout', '--quiet', 'HEAD~2');
  await settled(repo, contents);
});

describe('a model replaced by', () => {
  const content = fresh();
  beforeEach(() => start({ 'model.pt': content }));

  test.each([
    ['something that is no checkpoint', Buffer.from('an error message of a training run\n')],
    ['bytes that nothing compresses', Buffer.from(values(5000).buffer)],
    ['an empty file', Buffer.alloc(0)],
    ['one line end', Buffer.from('\n')],
    ['text with CRLF', Buffer.from('a\r\nb\r\n')],
    ['the start of a manifest', Buffer.from('{"git-theta":1,"format":"safetensors"}\n')],
    [
      'a Git LFS pointer',
      Buffer.from(
        `version https://git-lfs.github.com/spec/v1\noid sha256:${'1'.repeat(64)}\nsize 5\n`,
      ),
    ],
  ])('%s', async (what, other) => {
    repo.write('model.pt', other);
    await repo.git('commit', '--quiet', '-a', '-m', 'replaced');
    const clone = await settledInClone(repo, { 'model.pt': other }, cloneName());
    expect(await committed()).not.toContain('.git_theta/model.pt/.skeleton/zarr.json');
    await clone.git('checkout', '--quiet', 'HEAD~1');
    await settled(clone, { 'model.pt': content });
    if (what.includes('manifest')) return;
    // The same on the main road.
    await clone.git('checkout', '--quiet', '-b', 'road');
    await clone.commit('model.pt', other);
    await settled(clone, { 'model.pt': other });
    expect((await clone.git('diff', '--stat', 'origin/main', 'road')).stdout).toBe('');
  });

  test('a symbolic link, and back', async () => {
    repo.write('elsewhere.bin', content);
    unlinkSync(repo.path('model.pt'));
    symlinkSync('elsewhere.bin', repo.path('model.pt'));
    await repo.git('add', '-A');
    await repo.git('commit', '--quiet', '-m', 'link');
    expect(await stores()).toEqual([]);
    const clone = await settledInClone(repo, { 'model.pt': content }, cloneName());
    expect(lstatSync(clone.path('model.pt')).isSymbolicLink()).toBe(true);
    await clone.git('checkout', '--quiet', 'HEAD~1');
    expect(lstatSync(clone.path('model.pt')).isSymbolicLink()).toBe(false);
    await settled(clone, { 'model.pt': content });
    await repo.git('revert', '--no-edit', 'HEAD');
    await settled(repo, { 'model.pt': content });
  });

  test('a folder of that name', async () => {
    unlinkSync(repo.path('model.pt'));
    await repo.theta('track', 'model.pt/part.pt');
    const part = fresh();
    repo.write('model.pt/part.pt', part);
    await repo.git('add', '-A');
    await repo.git('commit', '--quiet', '-m', 'folder');
    expect(await stores()).toEqual(['model.pt/part.pt']);
    const clone = await settledInClone(repo, { 'model.pt/part.pt': part }, cloneName());
    await clone.git('checkout', '--quiet', 'HEAD~1');
    await settled(clone, { 'model.pt': content });
    await clone.git('checkout', '--quiet', 'main');
    await settled(clone, { 'model.pt/part.pt': part });
  });

  test('its own manifest: the checkpoint comes back', async () => {
    const { stdout } = await repo.git('show', 'HEAD:model.pt');
    repo.write('model.pt', stdout);
    await repo.git('add', '-A');
    expect(await repo.changes('--cached')).toEqual([]);
    expect(await repo.status()).toEqual([]);
    await repo.theta('checkout', 'model.pt');
    await settled(repo, { 'model.pt': content });
  });
});

test('a manifest under another tracked name is that checkpoint', async () => {
  const content = fresh();
  await start({ 'model.pt': content });
  await repo.theta('track', 'copy.pt');
  repo.write('copy.pt', (await repo.git('show', 'HEAD:model.pt')).stdout);
  await repo.git('add', '-A');
  await repo.git('commit', '--quiet', '-m', 'manifest');
  expect(await stores()).toEqual(['copy.pt', 'model.pt']);
  await repo.sound();
  await repo.theta('checkout');
  await settledInClone(repo, { 'copy.pt': content, 'model.pt': content }, cloneName());
});

test('a file that was in git before it was tracked', async () => {
  const [raw, next] = [fresh(), fresh()];
  repo.write('model.pt', raw);
  await repo.git('add', '-A');
  await repo.git('commit', '--quiet', '-m', 'raw');
  await repo.theta('track', 'model.pt');
  await repo.theta('add', 'model.pt');
  await repo.git('commit', '--quiet', '-m', 'tracked');
  await settled(repo, { 'model.pt': raw });
  await repo.commit('model.pt', next);
  const clone = await settledInClone(repo, { 'model.pt': next }, cloneName());
  await clone.git('checkout', '--quiet', 'HEAD~2');
  expect(readFileSync(clone.path('model.pt')).equals(raw)).toBe(true);
  expect(await clone.status()).toEqual([]);
  await clone.git('checkout', '--quiet', 'main');
  await settled(clone, { 'model.pt': next });
});

test('names that differ by case alone', async () => {
  const contents = { 'Model.pt': fresh(), 'model.pt': fresh() };
  repo.write('probe', '');
  const sensitive = lstatSync(repo.path('PROBE'), { throwIfNoEntry: false }) === undefined;
  rmSync(repo.path('probe'));
  if (!sensitive) return;
  await start(contents);
  expect(await stores()).toEqual(['Model.pt', 'model.pt']);
  await settledInClone(repo, contents, cloneName());
});

test('an executable checkpoint stays executable', async () => {
  const content = fresh();
  await start({ 'model.pt': content });
  await repo.git('update-index', '--chmod=+x', 'model.pt');
  await repo.git('commit', '--quiet', '-m', 'mode');
  await repo.git('checkout', '--', 'model.pt');
  await settledInClone(repo, { 'model.pt': content }, cloneName());
  expect(lstatSync(scratch.path(cloneName(), 'model.pt')).mode & 0o100).toBe(0o100);
  const next = fresh();
  repo.write('model.pt', next);
  await repo.theta('add', 'model.pt');
  await repo.git('commit', '--quiet', '-m', 'next');
  expect(lines((await repo.git('ls-tree', 'HEAD', 'model.pt')).stdout)[0]).toMatch(/^100755 /);
});

test('renamed in the work tree: git add -A finds both sides', async () => {
  const content = fresh();
  await repo.theta('track', 'sub/*.pt');
  repo.write('sub/a.pt', content);
  await repo.git('add', '-A');
  await repo.git('commit', '--quiet', '-m', 'first');
  renameSync(repo.path('sub/a.pt'), join(repo.path('sub'), 'b.pt'));
  await repo.git('add', '-A');
  await repo.git('commit', '--quiet', '-m', 'renamed');
  expect(await stores()).toEqual(['sub/b.pt']);
  await settledInClone(repo, { 'sub/b.pt': content }, cloneName());
});
