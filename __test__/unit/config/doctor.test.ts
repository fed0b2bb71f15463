import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { diagnose } from '../../../src/config/doctor';
import { install } from '../../../src/config/install';
import { programScript } from '../../../src/config/programs';
import { track } from '../../../src/config/track';
import { Repository } from '../../../src/git/repository';
import { Scratch } from './scratch';

const OID = 'a'.repeat(64);
const MANIFEST = ['{"git-theta":1,"format":"opaque","reason":"test"}', `{"pieces":["${OID}:5"]}`]
  .join('\n\n')
  .concat('\n');

let scratch: Scratch;
let bin: string;

beforeEach(() => {
  scratch = new Scratch();
  process.chdir(scratch.root);
  bin = join(scratch.root, 'prefix', 'bin');
  mkdirSync(bin, { recursive: true });
  for (const program of ['git-theta', 'git-theta-filter'] as const) {
    symlinkSync(programScript(program), join(bin, program));
  }
  process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
});

afterEach(() => scratch.dispose());

/** Every check that is not good, by its id. */
async function findings(): Promise<Record<string, string>> {
  const { checks } = await diagnose();
  const bad = checks.filter(({ status }) => status !== 'ok');
  return Object.fromEntries(
    bad.map(({ id, status, fix }) => [id, fix ? `${status}: ${fix}` : status]),
  );
}

/** A repository with one checkpoint in it, as its manifest. */
async function repositoryWithModel(): Promise<void> {
  scratch.repository();
  await track(await Repository.discover(), ['model.pt']);
  scratch.write('model.pt', MANIFEST);
  const oid = scratch.git(['hash-object', '-w', '--no-filters', 'model.pt']).trim();
  scratch.git(['update-index', '--add', '--cacheinfo', `100644,${oid},model.pt`]);
  scratch.git(['add', '.gitattributes', '.git_theta/.gitattributes']);
}

test('nothing is installed', async () => {
  const { ok, workTree } = await diagnose();
  expect({ ok, workTree }).toEqual({ ok: false, workTree: undefined });
  expect(await findings()).toEqual({
    'lfs-filter': 'fail: git theta install',
    'theta-filter': 'fail: git theta install',
  });
});

test('everything is installed', async () => {
  await install();
  expect(await findings()).toEqual({});
  expect((await diagnose()).ok).toBe(true);
});

test('a value is missing, a value is foreign', async () => {
  await install();
  scratch.git(['config', '--global', '--unset', 'merge.theta-store.driver']);
  expect(await findings()).toEqual({ 'theta-filter': 'fail: git theta install' });
  await install();
  scratch.git(['config', '--global', 'filter.theta.clean', 'cat']);
  expect(await findings()).toEqual({ 'theta-filter': 'fail: git theta install --force' });
});

test('the programs have left the PATH, or moved', async () => {
  await install();
  rmSync(join(bin, 'git-theta-filter'));
  expect(Object.keys(await findings())).toEqual(['path-git-theta-filter']);
  await install({ absolute: true });
  expect(await findings()).toEqual({});
  const moved = scratch.git(['config', 'filter.theta.process']).replace('/bin/', '/gone/').trim();
  scratch.git(['config', '--global', 'filter.theta.process', moved]);
  expect(await findings()).toEqual({
    'path-git-theta-filter': 'fail: git theta install --absolute',
  });
});

test('hooks cannot run git theta', async () => {
  await install({ absolute: true });
  rmSync(join(bin, 'git-theta'));
  expect(await findings()).toEqual({});
  scratch.git(['config', '--global', '--unset', 'alias.theta']);
  expect(await findings()).toEqual({ command: 'fail: git theta install --absolute' });
});

test('another git-theta is first on the PATH', async () => {
  await install();
  const other = join(bin, 'git-theta-filter');
  rmSync(other);
  writeFileSync(other, '#!/bin/sh\n');
  chmodSync(other, 0o755);
  expect(Object.keys(await findings())).toEqual(['path-git-theta-filter']);
});

test('git would ask the filters in the wrong order', async () => {
  await install({ absolute: true });
  const early = scratch
    .git(['config', 'filter.theta.process'])
    .trim()
    .replace(/^\w+=1 /, '');
  scratch.git(['config', '--global', 'filter.theta.process', early]);
  expect(await findings()).toEqual({ 'filter-order': 'fail: git theta install --force' });
  await install();
  scratch.git(['config', '--global', 'filter.lfs.process', 'zz/git-lfs filter-process']);
  expect(Object.keys(await findings())).toEqual(['filter-order']);
});

test('git-lfs is too old', async () => {
  await install();
  writeFileSync(join(bin, 'git-lfs'), '#!/bin/sh\necho git-lfs/3.2.9\n');
  chmodSync(join(bin, 'git-lfs'), 0o755);
  expect(Object.keys(await findings())).toEqual(['git-lfs']);
});

test('a repository: manifests in the work tree and missing objects are warnings', async () => {
  await install();
  await repositoryWithModel();
  expect(await findings()).toEqual({
    'work-tree': 'warn: git theta pull, or git theta checkout',
    objects: 'warn: git theta fetch',
  });
  expect((await diagnose()).ok).toBe(true);
  const objects = join('.git', 'lfs', 'objects', 'aa', 'aa');
  scratch.write(join(objects, OID), '12345');
  scratch.write('model.pt', 'a checkpoint');
  expect(await findings()).toEqual({});
});

test('hooks: removed, and in a folder that another tool manages', async () => {
  await install();
  await repositoryWithModel();
  rmSync('.git/hooks/pre-push');
  expect(await findings()).toMatchObject({ 'hook-pre-push': 'warn: git theta install --local' });

  mkdirSync('.husky');
  scratch.git(['config', 'core.hooksPath', '.husky']);
  expect(await findings()).toMatchObject({
    'hook-pre-commit': 'warn: Add to it: git theta hook pre-commit "$@"',
    'hook-pre-push': 'warn: Add to it: git theta hook pre-push "$@"',
  });
  scratch.write('.husky/pre-push', '#!/bin/sh\ngit theta hook pre-push "$@"\n');
  expect(await findings()).not.toHaveProperty('hook-pre-push');
});

test('hooks that lefthook manages are called when its configuration names them', async () => {
  await install();
  await repositoryWithModel();
  scratch.write(
    '.git/hooks/pre-push',
    '#!/bin/sh\ncall_lefthook run "pre-push" "$@"\nlefthook -h\n',
  );
  const { 'hook-pre-push': fix = '' } = await findings();
  const line = /^warn: Add to lefthook.yml: (pre-push: .*)$/.exec(fix)?.[1];
  expect(line).toContain('git theta hook pre-push {0}');
  scratch.write('lefthook.yml', `${line}\n`);
  expect(await findings()).not.toHaveProperty('hook-pre-push');
});

test('attributes of the store: missing, changed, not staged', async () => {
  await install();
  await repositoryWithModel();
  scratch.git(['rm', '-q', '--cached', '.git_theta/.gitattributes']);
  expect(await findings()).toMatchObject({
    'store-attributes': 'warn: git add .git_theta/.gitattributes',
  });
  scratch.write('.git_theta/.gitattributes', '* text\n');
  expect(await findings()).toMatchObject({
    'store-attributes': expect.stringMatching(/^fail: /),
  });
  rmSync('.git_theta/.gitattributes');
  expect((await diagnose()).ok).toBe(false);
});

test('a checkpoint that is in git as a whole file', async () => {
  await install();
  await repositoryWithModel();
  scratch.write('model.pt', 'a checkpoint');
  const oid = scratch.git(['hash-object', '-w', '--no-filters', 'model.pt']).trim();
  scratch.git(['update-index', '--cacheinfo', `100644,${oid},model.pt`]);
  expect(await findings()).toEqual({ 'whole-files': 'warn: git theta add model.pt' });
});

test('leaves no file behind', async () => {
  await install();
  await repositoryWithModel();
  await diagnose();
  const files = () => readdirSync('.', { recursive: true }).toSorted();
  const before = files();
  await diagnose();
  expect(files()).toEqual(before);
  expect(before.filter((name) => name.includes('doctor'))).toEqual([]);
});
