// Objects that are damaged or gone: found, named, brought back, and never pushed over.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { unprivileged } from '../support/env';
import { Scratch } from '../support/scratch';
import { checkpoint, corrupt, manifest, objectIds, pointedAt } from './lost-world';
import { inode, ModelRepository, sha256 } from './road-model';

const MODEL = 'model.safetensors';
const OPAQUE = 'opaque.safetensors';
const STORE = `.git_theta/${MODEL}`;
const asRoot = process.getuid?.() === 0 ? test : test.skip;

let repo: ModelRepository;
let scratch: Scratch;
let remote: string;
let content: Buffer;
let opaque: Buffer;

beforeAll(async () => {
  repo = await ModelRepository.create(new Scratch(), 'origin');
  scratch = repo.scratch;
  remote = await scratch.bare('remote.git');
  await repo.git('remote', 'add', 'origin', `file://${remote}`);
  await repo.theta('track', '*.safetensors');
  opaque = checkpoint(9, 1, 600_000).subarray(8);
  await repo.commit(OPAQUE, opaque);
  content = await repo.commit(MODEL, checkpoint(1, 3, 70_000));
  await repo.git('push', '--quiet', 'origin', 'main');
});

afterAll(() => scratch.cleanup());

let clones = 0;
async function clone(): Promise<ModelRepository> {
  const dir = await scratch.clone(`file://${remote}`, `clone${clones++}`);
  return new ModelRepository(scratch, dir);
}

/** A clone whose store files are one file with their objects, and nothing with the remote's. */
async function linkedClone(): Promise<ModelRepository> {
  const here = await clone();
  for (const oid of here.objects()) {
    const bytes = readFileSync(here.object(oid));
    here.lose(oid);
    writeFileSync(here.object(oid), bytes);
  }
  await here.theta('dedup');
  return here;
}

async function piece(of: ModelRepository): Promise<string> {
  return objectIds(await manifest(of, 'HEAD', OPAQUE))[0] as string;
}

const kinds: [string, string, (of: ModelRepository) => Promise<string>][] = [
  ['chunk', MODEL, (of) => pointedAt(of, `${STORE}/layer.1.weight/c.0`)],
  ['skeleton', MODEL, (of) => pointedAt(of, `${STORE}/.skeleton/c.0`)],
  ['piece', OPAQUE, piece],
];

/** Metadata is not needed to put a checkpoint together, but readers of Zarr need it. */
const metadata: typeof kinds = [
  ['zarr.json of a tensor', MODEL, (of) => pointedAt(of, `${STORE}/layer.1.weight/zarr.json`)],
  ['zarr.json of the root', MODEL, (of) => pointedAt(of, `${STORE}/zarr.json`)],
];

/** fsck names the object; --repair brings it back, from the remote alone; then all is well. */
async function repaired(of: ModelRepository, oid: string, kind: 'corrupt' | 'missing') {
  const found = await of.try('theta', 'fsck', '--json');
  expect(found.code).toBe(1);
  const { findings } = JSON.parse(found.stdout);
  const named = findings.filter((finding: { kind: string }) => finding.kind === kind);
  expect(named.map(({ objects }: never) => objects)).toEqual([[{ oid, size: expect.any(Number) }]]);
  expect((await of.try('theta', 'fsck')).stdout).toContain(oid);
  await of.theta('fsck', '--repair');
  expect(sha256(readFileSync(of.object(oid)))).toBe(oid);
  await of.git('checkout', '--', '.');
  expect(of.read(MODEL).equals(content)).toBe(true);
  expect(of.read(OPAQUE).equals(opaque)).toBe(true);
  await of.sound();
  expect(await of.status()).toEqual([]);
}

/** Nothing in the work tree can help. */
function emptyWorkTree(of: ModelRepository): void {
  for (const path of ['.git_theta', MODEL, OPAQUE]) {
    rmSync(of.path(path), { recursive: true, force: true });
  }
}

test.each(kinds)('a corrupt %s stops a checkout and is fetched again', async (_, path, find) => {
  const here = await clone();
  const oid = await find(here);
  emptyWorkTree(here);
  corrupt(here.object(oid));
  const failed = await here.try('checkout', '--', path);
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toMatch(new RegExp(`^error: ${path}: .*${oid}`, 'm'));
  expect(failed.stderr).toMatch(/^hint: .*git theta fsck --repair/m);
  await repaired(here, oid, 'corrupt');
});

test.each(metadata)('a corrupt %s is found and fetched again', async (_, __, find) => {
  const here = await clone();
  const oid = await find(here);
  emptyWorkTree(here);
  corrupt(here.object(oid));
  await repaired(here, oid, 'corrupt');
});

test.each([...kinds, ...metadata])('a missing %s is fetched by a checkout', async (_, __, find) => {
  const here = await clone();
  const oid = await find(here);
  emptyWorkTree(here);
  here.lose(oid);
  const found = await here.try('theta', 'fsck');
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(new RegExp(`1 object missing\\n {2}${oid} \\(\\d+ bytes\\)`));
  await here.git('checkout', '--', '.');
  expect(here.read(MODEL).equals(content)).toBe(true);
  expect(here.read(OPAQUE).equals(opaque)).toBe(true);
  await here.sound();
});

test('git theta fetch brings what is missing, of any commit', async () => {
  const here = await clone();
  for (const oid of here.objects()) here.lose(oid);
  const { stdout } = await here.theta('fetch', '--dry-run', '--json');
  const { missing } = JSON.parse(stdout);
  expect(missing).toBeGreaterThan(10);
  await here.theta('fetch', 'HEAD~1');
  expect(here.objects().length).toBeLessThan(missing);
  await here.theta('fetch');
  expect(here.objects()).toHaveLength(missing);
  expect((await here.theta('fetch')).stdout).toBe('No object is missing.\n');
  await here.sound();
});

test('an object that is nowhere: a list, and what can be had is had', async () => {
  const here = await clone();
  const oid = await pointedAt(here, `${STORE}/layer.0.weight/c.0`);
  await here.git('remote', 'set-url', 'origin', `file://${await scratch.bare('empty.git')}`);
  emptyWorkTree(here);
  here.lose(oid);
  const failed = await here.try('checkout', '--', MODEL);
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toMatch(new RegExp(`^error: .*${oid} \\(\\d+ bytes\\)`, 'm'));
  const fetched = await here.try('theta', 'fetch');
  expect(fetched.code).toBe(128);
  expect(fetched.stderr).toMatch(new RegExp(`^error: 1 of 1 objects .*${oid}`));
  // The other model is not held up.
  await here.git('checkout', '--', OPAQUE);
  expect(here.read(OPAQUE).equals(opaque)).toBe(true);
  const report = await here.try('theta', 'fsck', '--repair');
  expect(report.code).toBe(1);
  expect(report.stdout).toContain(oid);
});

test('a push is refused while an object is nowhere, and the branch stays', async () => {
  const here = await clone();
  const target = await scratch.bare('target.git');
  await here.commit(MODEL, checkpoint(2, 3, 70_000));
  const oid = await pointedAt(here, `${STORE}/layer.2.weight/c.0`);
  emptyWorkTree(here);
  here.lose(oid);
  for (const command of [['push'], ['theta', 'push']]) {
    const failed = await here.try(...command, `file://${target}`, 'main');
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toMatch(new RegExp(`^error: .*${oid}`, 'm'));
    expect((await scratch.git('--git-dir', target, 'branch')).stdout).toBe('');
  }
  // git-lfs would be allowed to leave it out.
  await here.git('config', 'lfs.allowincompletepush', 'true');
  const failed = await here.try('push', `file://${target}`, 'main');
  expect(failed.code).not.toBe(0);
  expect((await scratch.git('--git-dir', target, 'branch')).stdout).toBe('');
});

asRoot('writing into a store file writes into its object: found and repaired', async () => {
  const here = await linkedClone();
  const file = `${STORE}/layer.1.weight/c.0`;
  const oid = await pointedAt(here, file);
  expect(inode(here.path(file))).toBe(inode(here.object(oid)));
  corrupt(here.path(file), true);
  await repaired(here, oid, 'corrupt');
  expect(inode(here.path(file))).toBe(inode(here.object(oid)));
});

const user = unprivileged();
(user?.uid ? test : test.skip)('nobody else can write into a store file', async () => {
  const here = await linkedClone();
  scratch.give(user ?? {});
  const file = `${STORE}/layer.1.weight/c.0`;
  const write = ['-c', `printf x >> '${here.path(file)}'`];
  const failed = await scratch.run('sh', write, { check: false, user });
  expect(failed.code).not.toBe(0);
  await here.sound();
});

test('a store file that was replaced is found and repaired', async () => {
  const here = await clone();
  const file = `${STORE}/layer.1.weight/c.0`;
  const oid = await pointedAt(here, file);
  corrupt(here.path(file));
  const found = await here.try('theta', 'fsck');
  expect(found.stdout).toContain('1 store file');
  await here.theta('fsck', '--repair');
  expect(sha256(here.read(file))).toBe(oid);
  expect(await here.status()).toEqual([]);
  await here.sound();
});
