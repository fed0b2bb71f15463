// The gate: what is a problem, when it is an error, and what is left in the log folder.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { check } from '../../../src/provenance/check';
import { gitStatus, gitStatusFromJson } from '../../../src/provenance/git';
import { run as cli } from '../cli/run';
import { conflict, folder, project, repository, run, STATES, write } from './git-repositories';

const posix = process.platform !== 'win32';

afterEach(() => {
  for (const name of ['COMMIT', 'BRANCH', 'DIRTY']) delete process.env[`GIT_THETA_GIT_${name}`];
});

function projectAfter(state: string): string {
  const root = project();
  STATES[state]?.(root);
  return root;
}

test('committed code passes, and so does a changed model', async () => {
  for (const state of ['clean', 'model', 'store', 'detached']) {
    const report = await check({ dir: projectAfter(state), mode: 'strict' });
    expect(report).toMatchObject({ ok: true, mode: 'strict', problems: [], written: [] });
  }
});

test('uncommitted code is an error in strict mode and a warning in relaxed mode', async () => {
  const root = project();
  write(root, 'train.py', 'other\n');
  write(root, 'lib/new.py', 'new\n');
  run(root, 'add', 'lib/new.py');
  const problem = {
    code: 'dirty',
    message: '2 files of code differ from the commit (added, content)',
    paths: ['lib/new.py', 'train.py'],
  };
  const strict = await check({ dir: root, mode: 'strict' });
  expect(strict).toMatchObject({ ok: false, problems: [{ ...problem, level: 'error' }] });
  const relaxed = await check({ dir: root, mode: 'relaxed' });
  expect(relaxed).toMatchObject({ ok: true, problems: [{ ...problem, level: 'warning' }] });
  expect(strict.state).toEqual((await gitStatus(root)).state);
});

test('no commit yet', async () => {
  const dir = repository();
  const problems = [{ code: 'empty', level: 'error', message: expect.any(String), paths: [] }];
  expect(await check({ dir, mode: 'strict' })).toMatchObject({ ok: false, problems });
});

test('untracked code by policy; models never', async () => {
  const dir = projectAfter('untracked');
  const found = async (untracked: 'ignore' | 'warn' | 'fail', mode: 'strict' | 'relaxed') => {
    const { ok, problems } = await check({ dir, mode, untracked });
    return [ok, ...problems.map(({ code, level, paths }) => [code, level, ...paths])];
  };
  expect(await found('ignore', 'strict')).toEqual([true]);
  expect(await found('warn', 'strict')).toEqual([true, ['untracked', 'warning', 'notes.txt']]);
  expect(await found('fail', 'strict')).toEqual([false, ['untracked', 'error', 'notes.txt']]);
  expect(await found('fail', 'relaxed')).toEqual([true, ['untracked', 'warning', 'notes.txt']]);
});

test('the configuration says what is not said', async () => {
  const dir = projectAfter('untracked');
  expect(await check({ dir })).toMatchObject({ ok: true, mode: 'relaxed' });
  run(dir, 'config', 'theta.provenance.mode', 'strict');
  run(dir, 'config', 'theta.provenance.untracked', 'fail');
  expect(await check({ dir })).toMatchObject({ ok: false, mode: 'strict' });
  expect(await check({ dir, mode: 'relaxed' })).toMatchObject({ ok: true, mode: 'relaxed' });
  expect((await check({ dir, untracked: 'ignore' })).problems).toEqual([]);
  run(dir, 'config', 'theta.provenance.mode', 'lenient');
  await expect(check({ dir })).rejects.toMatchObject({
    code: 'ERR_THETA_USAGE',
    message: "theta.provenance.mode is 'lenient'",
  });
});

test('overlooked files and an unfinished merge are warnings', async () => {
  const hidden = await check({ dir: projectAfter('assume unchanged'), mode: 'strict' });
  expect(hidden).toMatchObject({
    ok: true,
    problems: [{ code: 'overlooked', level: 'warning', paths: ['train.py'] }],
  });
  const root = project();
  conflict(root);
  const merge = await check({ dir: root, mode: 'strict' });
  expect(merge.ok).toBe(false);
  expect(merge.problems.map(({ code, level }) => [code, level])).toEqual([
    ['dirty', 'error'],
    ['operation', 'warning'],
  ]);
});

test('a state that the environment states is checked, too, even without git', async () => {
  const path = process.env.PATH;
  process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
  const dir = folder();
  expect(await check({ dir, mode: 'strict' })).toMatchObject({ ok: true, problems: [] });
  process.env.GIT_THETA_GIT_DIRTY = '1';
  process.env.PATH = dir;
  try {
    expect(await check({ dir, mode: 'strict' })).toMatchObject({
      ok: false,
      problems: [{ code: 'dirty', paths: [] }],
    });
    expect(await check({ dir })).toMatchObject({ ok: true, mode: 'relaxed' });
  } finally {
    process.env.PATH = path;
  }
});

describe('the log folder', () => {
  test('is made and has the six fields and the state', async () => {
    const dir = project();
    const logDir = join(folder(), 'logs', 'run 1');
    const { written, state, six } = await check({ dir, logDir });
    expect(written).toEqual(['git_info.json', 'provenance.json'].map((name) => join(logDir, name)));
    expect(readdirSync(logDir).sort()).toEqual(['git_info.json', 'provenance.json']);
    const info = readFileSync(join(logDir, 'git_info.json'), 'utf8');
    expect(Object.keys(JSON.parse(info))).toEqual([
      'empty',
      'dirty',
      'num_untracked_files',
      'commit_hash',
      'commit_date',
      'branch_name',
    ]);
    expect(info).toMatch(/^\{\n {2}"empty": false,\n.*"main"\n\}$/s);
    expect(await gitStatusFromJson({ path: join(logDir, 'git_info.json') })).toEqual(six);
    expect(JSON.parse(readFileSync(join(logDir, 'provenance.json'), 'utf8'))).toEqual({
      schema: 'git-theta/provenance/1',
      git: state,
      compat: { git_status: six },
    });
  });

  test('is written again, with the old name on demand', async () => {
    const dir = project();
    const logDir = folder();
    await check({ dir, logDir });
    write(dir, 'train.py', 'other');
    await check({ dir, logDir, compat: true });
    for (const name of ['git_info.json', 'git-status.json'])
      expect(JSON.parse(readFileSync(join(logDir, name), 'utf8')).dirty).toBe(true);
    expect(readdirSync(logDir)).toHaveLength(3);
  });

  test('gets nothing when the check fails', async () => {
    const logDir = join(folder(), 'logs');
    const report = await check({ dir: projectAfter('content'), mode: 'strict', logDir });
    expect(report).toMatchObject({ ok: false, written: [] });
    expect(existsSync(logDir)).toBe(false);
  });

  (posix ? test : test.skip)('keeps links, and then gets nothing', async () => {
    const dir = project();
    const logDir = folder();
    const target = join(folder(), 'mine');
    writeFileSync(target, 'precious');
    symlinkSync(target, join(logDir, 'provenance.json'));
    await expect(check({ dir, logDir })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
      message: expect.stringMatching(/is a link/),
    });
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect(readdirSync(logDir)).toEqual(['provenance.json']);
  });

  test('is refused where a file or folder is in the way', async () => {
    const dir = project();
    const taken = join(folder(), 'file');
    writeFileSync(taken, '');
    await expect(check({ dir, logDir: taken })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_IO',
    });
    const logDir = folder();
    mkdirSync(join(logDir, 'git_info.json'));
    await expect(check({ dir, logDir })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
    });
  });
});

describe('the commands', () => {
  const provenance = (...args: string[]) => cli('provenance', ...args);

  test('check exits with 0, 1 or 7', async () => {
    const dir = projectAfter('content');
    const strict = await provenance('check', dir, '--mode', 'strict');
    expect(strict).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error: a file of code differs from the commit (content): train.py\nhint: Commit the code before you train.\n',
    });
    const relaxed = await provenance('check', dir);
    expect(relaxed.code).toBe(0);
    expect(relaxed.stderr).toMatch(/^warning: a file of code differs/);
    const none = await provenance('check', folder(), '--mode', 'relaxed');
    expect(none.code).toBe(7);
    expect(none.stderr).toMatch(/^error: .*not in a git repository\nhint: /);
    const clean = project();
    const { stdout, code } = await provenance('check', clean);
    expect(code).toBe(0);
    expect(stdout).toBe(`The code is that of ${run(clean, 'rev-parse', 'HEAD').trim()}.\n`);
    expect((await provenance('check', clean, '--compat')).code).toBe(129);
    expect((await provenance('check', clean, '--mode', 'lax')).code).toBe(129);
  });

  test('check writes the log folder, and JSON', async () => {
    const dir = projectAfter('untracked');
    const logDir = join(folder(), 'logs');
    const { code, stdout } = await provenance(
      'check',
      dir,
      '--json',
      '--log-dir',
      logDir,
      '--compat',
    );
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      ok: true,
      mode: 'relaxed',
      problems: [{ code: 'untracked', level: 'warning', paths: ['notes.txt'] }],
    });
    expect(report.written).toHaveLength(3);
  });

  test('check prints no control characters of names', async () => {
    if (!posix) return;
    const dir = project();
    write(dir, 'a\u001b[31m\nerror: b.py', 'x');
    const { stderr } = await provenance('check', dir);
    expect(stderr).toMatch(/^warning: .*: a\\x1b\[31m\\nerror: b\.py\n$/);
  });

  test('status in lines', async () => {
    const dir = projectAfter('content');
    STATES.untracked?.(dir);
    STATES.model?.(dir);
    const { commit, code_tree } = (await gitStatus(dir)).state;
    const { code, stdout } = await provenance('status', dir);
    expect(code).toBe(0);
    const lines = stdout.split('\n').map((line) => line.split(/ {2,}/));
    expect(lines[0]).toEqual(['commit', commit, expect.stringMatching(/^\d{4}-.*Z$/)]);
    expect(lines.slice(1)).toEqual([
      ['branch', 'main'],
      ['code', '1 file changed'],
      ['', 'train.py: content'],
      ['models', '1 file changed'],
      ['code tree', code_tree],
      ['untracked', '3 files, 1 of code'],
      [''],
    ]);
  });

  test('status where little is known', async () => {
    const unborn = await provenance('status', repository());
    expect(unborn.stdout).toBe('commit  none yet\nbranch  main\ncode    unchanged\n');
    process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
    const stated = await provenance('status', folder());
    expect(stated.stdout).toBe(
      `commit  ${'c'.repeat(40)}\nbranch  not known\ncode    stated by GIT_THETA_GIT_COMMIT\n`,
    );
  });

  test('status as JSON, errors too', async () => {
    const dir = project();
    const { state, six } = await gitStatus(dir);
    const { stdout } = await provenance('status', dir, '--json');
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      state,
      six,
      changed: [],
      untracked: [],
      models: [],
    });
    const failed = await provenance('status', folder(), '--json');
    expect(failed.code).toBe(7);
    expect(JSON.parse(failed.stdout).error.code).toBe('ERR_THETA_PROVENANCE_NO_GIT');
  });
});
