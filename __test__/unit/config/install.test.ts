import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { install } from '../../../src/config/install';
import { programScript } from '../../../src/config/programs';
import { uninstall } from '../../../src/config/uninstall';
import { isOurs, LFS_PROCESS, sortsAfter, thetaValues } from '../../../src/config/values';
import { Scratch } from './scratch';

let scratch: Scratch;
const globalFile = () => readFileSync(join(scratch.home, '.gitconfig'), 'utf8');
const get = (key: string) => scratch.git(['config', '--get', key]).trim();

beforeEach(() => {
  scratch = new Scratch();
  process.chdir(scratch.root);
});

afterEach(() => scratch.dispose());

/** Puts both programs on the PATH, as a global installation does. */
function putOnPath(folder = join(scratch.root, 'prefix', 'bin')): void {
  mkdirSync(folder, { recursive: true });
  for (const program of ['git-theta', 'git-theta-filter'] as const) {
    symlinkSync(programScript(program), join(folder, program));
  }
  process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
}

test('writes bare names when the programs are on the PATH', async () => {
  putOnPath();
  const report = await install();
  expect(report).toMatchObject({ scope: 'global', absolute: false, notOnPath: false, hooks: [] });
  expect(get('filter.theta.clean')).toBe('git-theta-filter clean %f');
  expect(get('filter.theta.smudge')).toBe('git-theta-filter smudge %f');
  expect(get('filter.theta.process')).toBe('git-theta-filter process');
  expect(get('filter.theta.required')).toBe('true');
  expect(get('merge.theta.driver')).toBe('git-theta merge-driver %O %A %B %L %P');
  expect(get('merge.theta.recursive')).toBe('theta');
  expect(get('filter.lfs.process')).toBe('git-lfs filter-process');
});

test('is idempotent: the second run changes no byte', async () => {
  await install();
  const first = globalFile();
  const again = await install();
  expect(again.changes).toEqual([]);
  expect(globalFile()).toBe(first);
});

test('a dry run changes nothing and lists what the real run changes', async () => {
  const planned = await install({ dryRun: true });
  expect(existsSync(join(scratch.home, '.gitconfig'))).toBe(false);
  const done = await install();
  expect(done.changes).toEqual(planned.changes);
  expect(done.changes).toHaveLength(20);
});

test('programs in a node_modules/.bin are not taken for installed ones', async () => {
  putOnPath(join(scratch.root, 'node_modules', '.bin'));
  expect(await install()).toMatchObject({ absolute: true, notOnPath: true });
});

test('absolute commands start the programs and are polled after git-lfs', async () => {
  await install({ absolute: true });
  const command = get('filter.theta.process');
  expect(sortsAfter(command, LFS_PROCESS)).toBe(true);
  expect(sortsAfter(`'${process.execPath}'`, LFS_PROCESS)).toBe(false);
  expect(command).toContain(programScript('git-theta-filter').replaceAll('\\', '/'));
  // The shell finds node and the script: --version needs neither a repository nor the addon.
  const driver = get('merge.theta.driver').replace(/ merge-driver .*/, '');
  const alias = `alias.run=!${driver} --version`;
  expect(scratch.git(['-c', alias, 'run'])).toMatch(/^git-theta version /);
});

test('without the programs on the PATH, hooks and subfolders have an alias', async () => {
  const repo = scratch.repository();
  await install({ scope: 'local' });
  expect(scratch.git(['theta', '--version'])).toMatch(/^git-theta version /);
  mkdirSync('sub');
  const where = get('alias.theta').replace(/&& .*/, '&& pwd; :');
  expect(scratch.git(['-c', `alias.where=${where}`, 'where'], join(repo, 'sub'))).toMatch(/sub\n$/);
  putOnPath();
  const { changes } = await install({ scope: 'local' });
  expect(changes).toContainEqual({ key: 'alias.theta', before: expect.any(String) });
  expect(scratch.succeeds(['config', 'alias.theta'])).toBe(false);
});

test('paths with quotes and per cent signs survive the shell and git', () => {
  const { execPath } = process;
  process.execPath = "/it's/100%f/node";
  try {
    const values = new Map(thetaValues({ absolute: true }).map(({ key, value }) => [key, value]));
    expect(values.get('filter.theta.clean')).toMatch(/^'\/it'\\''s\/100%%f\/node' '/);
    expect(values.get('filter.theta.process')).toMatch(/ '\/it'\\''s\/100%f\/node' '/);
  } finally {
    process.execPath = execPath;
  }
});

test('every value that is written is recognised as ours, others are not', () => {
  for (const absolute of [false, true]) {
    for (const skipSmudge of [false, true]) {
      for (const value of thetaValues({ absolute, skipSmudge })) expect(isOurs(value)).toBe(true);
    }
  }
  const foreign = [
    { key: 'filter.theta.clean', value: 'my-filter clean %f' },
    { key: 'filter.theta.clean', value: 'git-theta-filterx clean %f' },
    { key: 'filter.theta.required', value: 'false' },
    { key: 'merge.theta.driver', value: 'git-theta-merge %O %A %B %P' },
    { key: 'merge.theta-store.driver', value: 'true' },
  ];
  for (const value of foreign) expect(isOurs(value)).toBe(false);
});

test('--skip-smudge goes to both filters, and can be taken back', async () => {
  putOnPath();
  await install({ skipSmudge: true });
  expect(get('filter.theta.process')).toBe('git-theta-filter process --skip');
  expect(get('filter.theta.smudge')).toBe('git-theta-filter smudge --skip %f');
  expect(get('filter.lfs.process')).toBe('git-lfs filter-process --skip');
  await install();
  expect(get('filter.theta.process')).toBe('git-theta-filter process');
  expect(get('filter.lfs.process')).toBe('git-lfs filter-process');
});

test('foreign values are refused, nothing is written; --force replaces them', async () => {
  scratch.git(['config', '--global', 'filter.theta.clean', 'my-filter clean']);
  const before = globalFile();
  await expect(install()).rejects.toMatchObject({
    code: 'ERR_THETA_FOREIGN_CONFIG',
    hint: "Run 'git theta install --force' to replace it.",
  });
  expect(globalFile()).toBe(before);
  await install({ force: true });
  expect(get('filter.theta.clean')).toContain('git-theta-filter');
});

test('foreign values of Git LFS are refused with the same hint', async () => {
  scratch.git(['config', '--global', 'filter.lfs.clean', 'my-lfs clean']);
  await expect(install()).rejects.toMatchObject({
    code: 'ERR_THETA_LFS_FAILED',
    hint: expect.stringContaining('--force'),
  });
  await install({ force: true });
  expect(get('filter.lfs.clean')).toBe('git-lfs clean -- %f');
});

test('uninstall leaves the file as it was, with Git LFS in it', async () => {
  scratch.git(['lfs', 'install', '--skip-repo']);
  const before = globalFile();
  await install();
  const report = await uninstall();
  expect(report.kept).toEqual([]);
  expect(globalFile()).toBe(before);
  expect((await uninstall()).changes).toEqual([]);
});

test('uninstall keeps what is not ours', async () => {
  await install();
  scratch.git(['config', '--global', 'filter.theta.process', 'my-filter process']);
  const report = await uninstall();
  expect(report.kept.map(({ key }) => key)).toEqual([
    'filter.theta.process',
    'filter.theta.required',
  ]);
  expect(get('filter.theta.process')).toBe('my-filter process');
  expect(scratch.succeeds(['config', '--get', 'filter.theta.clean'])).toBe(false);
});

test('--file and --local write nowhere else', async () => {
  const file = join(scratch.root, 'a file');
  await install({ scope: { file } });
  expect(readFileSync(file, 'utf8')).toContain('[filter "lfs"]');
  expect(readFileSync(file, 'utf8')).toContain('[filter "theta"]');
  await uninstall({ scope: { file } });
  expect(readFileSync(file, 'utf8')).not.toContain('theta');

  const repo = scratch.repository();
  const report = await install({ scope: 'local' });
  expect((await install({ scope: 'local' })).changes).toEqual([]);
  expect(readFileSync(join(repo, '.git', 'config'), 'utf8')).toContain('[merge "theta"]');
  expect(report.hooks.map(({ name }) => name)).toContain('pre-push');
  expect(existsSync(join(scratch.home, '.gitconfig'))).toBe(false);
});

test('--local installs hooks and uninstall brings back what stood there', async () => {
  const repo = scratch.repository();
  const hook = join(repo, '.git', 'hooks', 'pre-commit');
  mkdirSync(join(repo, '.git', 'hooks'), { recursive: true });
  writeFileSync(hook, '#!/bin/sh\nexit 0\n');
  chmodSync(hook, 0o755);
  await install({ scope: 'local' });
  expect(readFileSync(hook, 'utf8')).toContain('git-theta');
  await uninstall({ scope: 'local' });
  expect(readFileSync(hook, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  expect(readFileSync(join(repo, '.git', 'config'), 'utf8')).not.toContain('theta');
});

test('--local outside a repository is refused', async () => {
  await expect(install({ scope: 'local' })).rejects.toMatchObject({
    code: 'ERR_THETA_NOT_A_REPOSITORY',
  });
});

test('a Git LFS that is missing or too old is refused with the way to get it', async () => {
  const fake = join(scratch.root, 'fake');
  mkdirSync(fake);
  writeFileSync(join(fake, 'git-lfs'), '#!/bin/sh\necho git-lfs/3.2.9\n');
  chmodSync(join(fake, 'git-lfs'), 0o755);
  process.env.PATH = `${fake}${delimiter}${process.env.PATH}`;
  await expect(install()).rejects.toMatchObject({
    code: 'ERR_THETA_LFS_TOO_OLD',
    message: 'git-lfs 3.2.9 is too old; git-theta needs 3.3 or newer',
  });
  writeFileSync(join(fake, 'git-lfs'), '#!/bin/sh\nexit 127\n');
  await expect(install()).rejects.toMatchObject({ code: 'ERR_THETA_LFS_MISSING' });
});
