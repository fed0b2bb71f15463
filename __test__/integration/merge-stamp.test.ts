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
])('stamps of %s: no conflict, and none in the result', async (_, o, a, b) => {
  await diverge(MODEL, [version(base, o), version(ours, a), version(theirs, b)]);
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  await expectUnstamped(MODEL, both());
});

test.each([
  ['ours', true, false],
  ['theirs', false, true],
])('a stamp of %s alone: git stops, and there is nothing to decide', async (_, a, b) => {
  await diverge(MODEL, [version(base, false), version(ours, a), version(theirs, b)]);
  const { code, stderr } = await repo.try('merge', '--no-edit', 'side');
  expect(code).toBe(1);
  expect(stderr).toContain('the tensors are merged, but git merges');
  await repo.theta('merge', '--continue');
  await expectUnstamped(MODEL, both());
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

test('a skeleton that cannot be had is a conflict, and says so', async () => {
  await diverge(MODEL, [version(base, false), version(ours, true), version(theirs, true)]);
  const manifest = (await repo.git('cat-file', 'blob', `side:${MODEL}`)).stdout;
  const skeleton = manifest.split('\n').find((line) => line.startsWith('{"skeleton"')) as string;
  const record = JSON.parse(skeleton) as { skeleton: { chunks: string[] } };
  repo.lose((record.skeleton.chunks[0] as string).slice(0, 64));
  const { code, stderr } = await repo.try('merge', '--no-edit', 'side');
  expect(code).toBe(1);
  expect(stderr).toContain('is not here and cannot be fetched');
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
  ['both sides', true, true],
  ['ours', true, false],
  ['theirs', false, true],
])('torch loads the merged archive: stamps of %s', async (_, a, b) => {
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
  const { code } = await repo.try('merge', '--no-edit', 'side');
  if (code !== 0) await repo.theta('merge', '--continue');
  await repo.sound();
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
