import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Scratch } from '../config/scratch';
import { run } from './run';

const BIN = resolve(__dirname, '../../../bin/git-theta.js');

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
  process.chdir(scratch.root);
});

afterEach(() => scratch.dispose());

test('install and uninstall tell what they did, and nothing when there was nothing to do', async () => {
  expect(await run('install', '--absolute')).toEqual({
    code: 0,
    stdout: 'Installed git-theta in the global configuration.\n',
    stderr: '',
  });
  expect((await run('install', '--absolute')).stdout).toBe(
    'git-theta is already installed in the global configuration.\n',
  );
  expect((await run('uninstall')).stdout).toBe(
    'Removed git-theta from the global configuration.\n',
  );
  expect((await run('uninstall')).stdout).toBe(
    'git-theta is not installed in the global configuration.\n',
  );
});

test('install --dry-run prints every key and writes none', async () => {
  const { stdout } = await run('install', '--dry-run');
  expect(stdout).toContain('\n+ filter.theta.required = true\n');
  expect(stdout.trimEnd().split('\n')).toHaveLength(20);
  expect(existsSync(join(scratch.home, '.gitconfig'))).toBe(false);
});

test('install --json', async () => {
  const { stdout, stderr } = await run('install', '--json', '--file', 'a file');
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 1,
    scope: join(scratch.root, 'a file'),
    dryRun: false,
    hooks: [],
    changes: expect.arrayContaining([{ key: 'filter.theta.required', after: 'true' }]),
  });
  expect(readFileSync('a file', 'utf8')).toContain('[filter "theta"]');
});

test('a foreign value: error, hint, exit code', async () => {
  scratch.git(['config', '--global', 'merge.theta.driver', 'mine\u001b[2J']);
  expect(await run('install')).toEqual({
    code: 128,
    stdout: '',
    stderr:
      "error: merge.theta.driver is already set to 'mine\\x1b[2J' in the global configuration, and not by git-theta\n" +
      "hint: Run 'git theta install --force' to replace it.\n",
  });
});

test('track, list, untrack', async () => {
  scratch.repository();
  await run('install', '--absolute');
  expect(await run('track', 'model.pt', '*.bin')).toEqual({
    code: 0,
    stdout: 'Tracking model.pt.\nTracking *.bin.\n',
    stderr: '',
  });
  expect((await run('track', 'model.pt')).stdout).toBe('model.pt is already tracked.\n');
  expect((await run('track', '-n', 'new.pt')).stdout).toBe('Would track new.pt.\n');
  expect((await run('track')).stdout).toBe('model.pt (.gitattributes)\n*.bin (.gitattributes)\n');
  expect(JSON.parse((await run('track', '--json')).stdout)).toEqual({
    schema: 1,
    patterns: [
      { pattern: 'model.pt', source: '.gitattributes' },
      { pattern: '*.bin', source: '.gitattributes' },
    ],
  });
  expect((await run('untrack', '*.bin')).stdout).toBe('Untracked *.bin.\n');
  expect((await run('untrack', '--json', 'model.pt')).stdout).toContain('"schema": 1');
  expect((await run('track')).stdout).toBe('');
});

test('track warns when the filters are not installed', async () => {
  scratch.repository();
  const { code, stderr } = await run('track', 'model.pt');
  expect(code).toBe(0);
  expect(stderr).toBe(
    "warning: the filters of git-theta are not installed\nhint: Run 'git theta install'.\n",
  );
});

test('names are printed without their control characters', async () => {
  scratch.repository();
  scratch.write('evil\u001b[2J\u202e.pt', 'x');
  const { stdout } = await run('track', 'evil\u001b[2J\u202e.pt');
  expect(stdout).toMatch(/^Tracking evil\\x1b\S*2J\\u202e\.pt\.\n$/);
});

test('hooks that another tool manages are named with the line to add', async () => {
  scratch.repository();
  await run('install', '--absolute');
  scratch.git(['config', 'core.hooksPath', '.husky']);
  const { stderr } = await run('track', 'model.pt');
  expect(stderr).toContain('warning: the hook pre-push was not installed: ');
  expect(stderr).toContain('hint: Add this line to it: git theta hook pre-push "$@"\n');
});

test('outside a repository', async () => {
  const { code, stdout, stderr } = await run('track', 'x');
  expect({ code, stdout }).toEqual({ code: 128, stdout: '' });
  expect(stderr).toMatch(/^error: .*repository/);
  const document = JSON.parse((await run('track', '--json', 'x')).stdout);
  expect(document.error.code).toBe('ERR_THETA_NOT_A_REPOSITORY');
});

test('doctor exits with 1 when a check fails', async () => {
  const { code, stdout } = await run('doctor');
  expect(code).toBe(1);
  expect(stdout).toContain('      fix: git theta install\n');
  expect(stdout).toMatch(/\n2 failures, 0 warnings\.\n$/);
  await run('install', '--absolute');
  expect((await run('doctor')).code).toBe(0);
  expect(JSON.parse((await run('doctor', '--json')).stdout)).toMatchObject({ schema: 1, ok: true });
});

test('env has the versions and no address of a server', async () => {
  scratch.repository();
  scratch.git(['config', 'lfs.url', 'https://user:secret@lfs.example.invalid/']);
  scratch.git(['remote', 'add', 'origin', 'https://user:secret@example.invalid/x']);
  scratch.git(['config', 'theta.storeLink', 'copy']);
  const { stdout } = await run('env');
  expect(stdout).toMatch(/^git-theta: \d/);
  expect(stdout).toContain(`node: ${process.versions.node}\n`);
  expect(stdout).toContain('theta.storelink=copy (local)\n');
  expect(stdout).not.toContain('secret');
  expect(JSON.parse((await run('env', '--json')).stdout)).toHaveProperty('versions.git');
});

test.each(['bash', 'zsh', 'fish'])('completion for %s', async (shell) => {
  expect((await run('completion', shell)).stdout).toContain('git theta');
});

test('the version is answered without the program', () => {
  const list = `process.on('exit', () => console.log(Object.keys(require.cache).length));`;
  scratch.write('list.js', list);
  for (const word of ['version', '--version', '-v']) {
    const args = ['--require', './list.js', BIN, word];
    const { env } = process;
    const output = execFileSync(process.execPath, args, { encoding: 'utf8', env });
    // Loaded were: this list, the script, package.json.
    expect(output).toMatch(/^git-theta version \d+\.\d+\.\d+\n3\n$/);
  }
});
