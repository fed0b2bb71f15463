// Stamped checkpoints in a merge: the result has the tensors of both sides and the stamp of neither.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { torchPython } from '../support/env';
import { ModelRepository, model, safetensors, type Tensors, values } from './road-model';

const MODEL = 'model.safetensors';

let repo: ModelRepository;
let base: Tensors;
let ours: Tensors;
let theirs: Tensors;

beforeEach(async () => {
  repo = await ModelRepository.create();
  base = model(4, 2000);
  ours = { ...base, 'layer.0.weight': values(2000) };
  theirs = { ...base, 'layer.3.weight': values(2000) };
  await repo.theta('track', '*.safetensors', '*.pt');
  repo.write('train.py', 'print(1)\n');
  await repo.git('add', '-A');
  await repo.git('commit', '--quiet', '-m', 'code');
});

afterEach(() => repo.scratch.cleanup());

interface Version {
  content: Buffer;
  stamp: boolean;
}

/** Commits a version of a model, stamped or not; its bytes. */
async function commit(path: string, { content, stamp }: Version, message: string): Promise<Buffer> {
  repo.write(path, content);
  if (stamp) await repo.theta('provenance', 'stamp', path);
  await repo.theta('add', path);
  await repo.git('commit', '--quiet', '-m', message);
  return repo.read(path);
}

/** `main` with ours and `side` with theirs, from one base; `main` is checked out. */
async function diverge(path: string, [o, a, b]: readonly [Version, Version, Version]) {
  await commit(path, o, 'base');
  await repo.git('switch', '--quiet', '-c', 'side');
  const theirs = await commit(path, b, 'theirs');
  await repo.git('switch', '--quiet', 'main');
  return { ours: await commit(path, a, 'ours'), theirs };
}

async function expectUnstamped(path: string, content: Buffer): Promise<void> {
  expect(repo.read(path).equals(content)).toBe(true);
  expect(await repo.status()).toEqual([]);
  await repo.sound();
  const { stdout } = await repo.try('theta', 'provenance', 'read', '--json', path);
  expect(JSON.parse(stdout)).toMatchObject({ stamp: null });
}

const version = (tensors: Tensors, stamp: boolean): Version => ({
  content: safetensors(tensors),
  stamp,
});
const both = (): Buffer =>
  safetensors({ ...ours, 'layer.3.weight': theirs['layer.3.weight'] as Float32Array });

test.each([
  ['both sides', false, true, true],
  ['both sides and their base', true, true, true],
  ['the base alone', true, false, false],
  ['the base and ours', true, true, false],
  ['ours', false, true, false],
  ['theirs', false, false, true],
])('stamps of %s: no conflict, and none in the result', async (_, o, a, b) => {
  await diverge(MODEL, [version(base, o), version(ours, a), version(theirs, b)]);
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  await expectUnstamped(MODEL, both());
});

/** Files of stamps in the store of a commit. */
async function stampFiles(rev: string): Promise<number> {
  const { stdout } = await repo.git('ls-tree', '-r', '--name-only', rev, '.git_theta');
  return stdout.split('\n').filter((path) => path.includes('/.stamped/')).length;
}

test('stamps that a merge leaves in the store do no harm, and go with the next commit', async () => {
  await diverge(MODEL, [version(base, true), version(ours, true), version(theirs, true)]);
  expect(await stampFiles('HEAD')).toBe(2);
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  expect(await stampFiles('HEAD')).toBe(4);
  const { stdout } = await repo.theta('status', '--json');
  expect(JSON.parse(stdout).models).toMatchObject([{ path: MODEL, storeComplete: true }]);
  await repo.theta('fsck');

  // In a clone, too.
  await repo.scratch.clone(`file://${repo.dir}`, 'clone');
  const clone = new ModelRepository(repo.scratch, repo.scratch.path('clone'));
  expect(await clone.status()).toEqual([]);
  expect(clone.read(MODEL).equals(both())).toBe(true);

  repo.write('train.py', 'print(2)\n');
  await repo.git('commit', '--quiet', '-a', '-m', 'code');
  expect(await stampFiles('HEAD')).toBe(0);
  await expectUnstamped(MODEL, both());
});

test('a merge of lines leaves the stamp in the text, and not in the file', async () => {
  await diverge(MODEL, [version(base, false), version(ours, true), version(theirs, false)]);
  await repo.git('config', '--global', '--remove-section', 'merge.theta');
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  const text = (await repo.git('cat-file', 'blob', `HEAD:${MODEL}`)).stdout;
  expect(text).toContain('{"stamped":');
  expect(repo.read(MODEL).equals(both())).toBe(true);
  await repo.theta('fsck');
  await repo.theta('add', MODEL);
  await repo.git('commit', '--quiet', '--allow-empty', '-m', 'as it is');
  expect((await repo.git('cat-file', 'blob', `HEAD:${MODEL}`)).stdout).not.toContain('stamped');
  await expectUnstamped(MODEL, both());
});

test('histories that cross merge with their stamps', async () => {
  await diverge(MODEL, [version(base, false), version(ours, true), version(theirs, true)]);
  await repo.git('branch', 'first');
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  await repo.git('switch', '--quiet', 'side');
  await repo.git('merge', '--quiet', '--no-edit', 'first');
  const more = values(2000);
  const newer = { ...ours, 'layer.3.weight': theirs['layer.3.weight'] as Float32Array };
  await commit(MODEL, version({ ...newer, 'layer.1.weight': more }, true), 'theirs again');
  await repo.git('switch', '--quiet', 'main');
  const mine = values(2000);
  await commit(MODEL, version({ ...newer, 'layer.2.weight': mine }, true), 'ours again');
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  await expectUnstamped(
    MODEL,
    safetensors({ ...newer, 'layer.1.weight': more, 'layer.2.weight': mine }),
  );
});

test('two stamps of one file do not conflict', async () => {
  await commit(MODEL, version(base, false), 'base');
  await repo.git('switch', '--quiet', '-c', 'side');
  repo.write('train.py', 'print(2)\n');
  await repo.git('commit', '--quiet', '-a', '-m', 'other code');
  await commit(MODEL, version(base, true), 'theirs');
  await repo.git('switch', '--quiet', 'main');
  await commit(MODEL, version(base, true), 'ours');
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  await expectUnstamped(MODEL, safetensors(base));
});

test('the stamp of a version that is taken whole stays', async () => {
  await commit(MODEL, version(base, false), 'base');
  await repo.git('switch', '--quiet', '-c', 'side');
  const theirs = await commit(MODEL, version(ours, true), 'theirs');
  await repo.git('switch', '--quiet', 'main');
  repo.write('train.py', 'print(2)\n');
  await repo.git('commit', '--quiet', '-a', '-m', 'code');
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  expect(repo.read(MODEL).equals(theirs)).toBe(true);
  await repo.theta('provenance', 'verify', '--match', 'reachable', MODEL);
});

test('a tensor that both changed is the only conflict', async () => {
  theirs = { ...theirs, 'layer.0.weight': values(2000) };
  const sides = [version(base, false), version(ours, true), version(theirs, true)] as const;
  const { ours: mine } = await diverge(MODEL, sides);
  const { code, stderr } = await repo.try('merge', '--no-edit', 'side');
  expect(code).toBe(1);
  expect(stderr).toContain('model.safetensors: one conflict');
  expect(stderr).toContain('layer.0.weight: both sides changed it');
  expect(repo.read(MODEL).equals(mine)).toBe(true);
  await repo.git('checkout', '--theirs', MODEL);
  await repo.theta('add', MODEL);
  await repo.theta('merge', '--continue');
  await repo.sound();
  await repo.theta('provenance', 'verify', '--match', 'reachable', MODEL);
});

/** Three versions of a checkpoint of torch, as paths by name. */
const WRITE = `
import os, torch
for folder in ("base", "ours", "theirs"):
    os.mkdir(folder)
base = {"a": torch.randn(500), "b": torch.randn(500), "epoch": 1}
torch.save(base, "base/model.pt")
torch.save({**base, "a": torch.randn(500)}, "ours/model.pt")
torch.save({**base, "b": torch.randn(500)}, "theirs/model.pt")
`;
/** Fails unless a file has the tensors of both, and an archive whose CRCs are right. */
const COMPARE = `
import sys, torch, zipfile
base, ours, theirs, merged = (torch.load(p) for p in (
    "base/model.pt", "ours/model.pt", "theirs/model.pt", sys.argv[1]))
assert list(merged) == ["a", "b", "epoch"], merged.keys()
assert torch.equal(merged["a"], ours["a"]) and torch.equal(merged["b"], theirs["b"])
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
`;

(torchPython() ? test : test.skip).each([
  ['both sides', true, true, true],
  ['ours', true, false, true],
  ['theirs', false, true, true],
  ['ours, merged as lines', true, false, false],
])('torch loads the merged archive: stamps of %s', async (_, a, b, driver) => {
  const python = torchPython() as string;
  await repo.scratch.run(python, ['-c', WRITE], { cwd: repo.scratch.dir });
  // All named alike: torch names the archive's folder after the file.
  const [o, mine, other] = ['base', 'ours', 'theirs'].map((name) =>
    readFileSync(join(repo.scratch.dir, name, 'model.pt')),
  ) as [Buffer, Buffer, Buffer];
  await diverge('model.pt', [
    { content: o, stamp: false },
    { content: mine, stamp: a },
    { content: other, stamp: b },
  ]);
  if (!driver) await repo.git('config', '--global', '--remove-section', 'merge.theta');
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  if (driver) {
    expect(await repo.status()).toEqual([]);
    await repo.sound();
  }
  await repo.scratch.run(python, ['-c', COMPARE, repo.path('model.pt')], { cwd: repo.scratch.dir });
});

test('what was merged is told by trace, and by the stamp of the result', async () => {
  await commit(MODEL, version(base, false), 'base');
  await repo.git('switch', '--quiet', '-c', 'side');
  repo.write('train.py', 'print(2)\n');
  await repo.git('commit', '--quiet', '-a', '-m', 'other code');
  const code = async () => (await repo.git('rev-parse', 'HEAD')).stdout.trim();
  const their = await code();
  await commit(MODEL, version(theirs, true), 'theirs');
  await repo.git('switch', '--quiet', 'main');
  const our = await code();
  await commit(MODEL, version(ours, true), 'ours');
  await repo.git('merge', '--quiet', '--no-edit', 'side');

  const traced = await repo.try('theta', 'provenance', 'trace', MODEL);
  expect(traced.stderr).toContain('Git merged it from versions with stamps:');
  for (const commit of [our, their]) expect(traced.stderr).toContain(`made by ${commit}`);

  await repo.theta('provenance', 'stamp', MODEL);
  const { stdout } = await repo.theta('provenance', 'read', '--json', MODEL);
  const { parents } = JSON.parse(stdout).stamp;
  expect(parents).toEqual([
    { relation: 'merge', commit: our, tensor_root: expect.stringMatching(/^[0-9a-f]{64}$/) },
    { relation: 'merge', commit: their, tensor_root: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ]);
  expect((await repo.theta('provenance', 'trace', MODEL)).stdout).toContain(`merged from  ${our}`);
  // Committed, it is no longer what the merge made; the stamp still says the same.
  await repo.theta('add', MODEL);
  await repo.git('commit', '--quiet', '-m', 'stamped');
  repo.write('train.py', 'print(3)\n');
  await repo.git('commit', '--quiet', '-a', '-m', 'newer code');
  await repo.theta('provenance', 'stamp', MODEL);
  const again = await repo.theta('provenance', 'read', '--json', MODEL);
  expect(JSON.parse(again.stdout).stamp.parents).toEqual(parents);
});
