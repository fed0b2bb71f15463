// What is told of repositories in all kinds of states.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { type GitStatus, gitStatus } from '../../../src/provenance/git';
import {
  commit,
  conflict,
  folder,
  oddName,
  project,
  repository,
  run,
  STATES,
  withSubmodule,
  write,
} from './git-repositories';

const posix = process.platform !== 'win32';
const saved = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
  Object.assign(process.env, saved);
});

const NO_GIT = 'ERR_THETA_PROVENANCE_NO_GIT';

async function statusAfter(state: string): Promise<GitStatus> {
  const root = project();
  STATES[state]?.(root);
  return gitStatus(root);
}

const kinds = ({ changed }: GitStatus) =>
  Object.fromEntries(changed.map((file) => [file.path, file.kinds.join(' ')]));

test('a clean repository', async () => {
  const root = project();
  run(root, 'tag', 'v1');
  run(root, 'remote', 'add', 'origin', 'https://me:secret@example.com/a.git');
  const { state, six, changed, untracked } = await gitStatus(root);
  const [id, tree, commitDate, authorDate] = run(root, 'log', '-1', '--format=%H %T %ct %at')
    .trim()
    .split(' ');
  expect(six).toEqual({
    empty: false,
    dirty: false,
    num_untracked_files: 0,
    commit_hash: id,
    commit_date: Number(commitDate),
    branch_name: 'main',
  });
  expect(state).toMatchObject({
    source: 'git',
    repo: 'https://example.com/a.git',
    object_format: 'sha1',
    empty: false,
    commit: id,
    tree,
    branch: 'main',
    detached: false,
    describe: 'v1',
    author_date: Number(authorDate),
    dirty: false,
    code_dirty: false,
    dirty_kinds: [],
    changed: { count: 0, digest: null },
    untracked: { count: 0, code_count: 0, digest: null },
    submodules: [],
    flags: { shallow: false, sparse: false, partial: false, assume_unchanged: [], operation: null },
    upstream: null,
    ci: null,
  });
  expect(state.code_tree).not.toBe(tree);
  expect([changed, untracked]).toEqual([[], []]);
});

describe('the code tree', () => {
  test('without models is the tree', async () => {
    const root = repository();
    for (const name of ['a/b/c', 'a-b', 'a.b', 'a0', 'ab/x']) write(root, name, name);
    commit(root);
    const { state } = await gitStatus(root);
    expect(state.code_tree).toBe(state.tree);
  });

  test('is the tree of a commit that has no models', async () => {
    const root = project();
    const { state } = await gitStatus(root);
    run(root, 'rm', '-rq', '--cached', 'model.ckpt', '.git_theta');
    expect(state.code_tree).toBe(run(root, 'write-tree').trim());
  });

  test('stays the same when a model is committed, and not when code is', async () => {
    const root = project();
    const before = (await gitStatus(root)).state;
    write(root, 'model.ckpt', 'more weights');
    write(root, 'deep/folder/new.ckpt', 'w');
    commit(root, 'model');
    const model = (await gitStatus(root)).state;
    expect(model.tree).not.toBe(before.tree);
    expect(model.code_tree).toBe(before.code_tree);
    write(root, 'train.py', 'print(9)\n');
    commit(root, 'code');
    expect((await gitStatus(root)).state.code_tree).not.toBe(before.code_tree);
  });

  test('of models only is the empty tree', async () => {
    const root = repository();
    write(root, 'm.ckpt', 'w');
    write(root, '.git/info/attributes', '*.ckpt filter=theta\n');
    commit(root);
    const { state } = await gitStatus(root);
    expect(state.code_tree).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904');
  });

  test('of a SHA-256 repository, and its ids', async () => {
    const root = project('--object-format=sha256');
    const { state, six } = await gitStatus(root);
    expect(state.object_format).toBe('sha256');
    expect(six.commit_hash).toMatch(/^[0-9a-f]{64}$/);
    run(root, 'rm', '-rq', '--cached', 'model.ckpt', '.git_theta');
    expect(state.code_tree).toBe(run(root, 'write-tree').trim());
  });
});

describe('no state', () => {
  test('outside a repository', async () => {
    await expect(gitStatus(folder())).rejects.toMatchObject({
      code: NO_GIT,
      message: expect.stringMatching(/not in a git repository/),
      hint: expect.stringMatching(/GIT_THETA_GIT_COMMIT/),
    });
  });

  test('outside a repository, with a commit in the environment', async () => {
    process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
    process.env.GIT_THETA_GIT_BRANCH = 'release';
    process.env.GIT_THETA_GIT_DIRTY = '0';
    const { state, six } = await gitStatus(folder());
    expect(state).toMatchObject({
      source: 'env',
      branch: 'release',
      code_tree: null,
      dirty: false,
    });
    expect(six).toEqual({
      empty: false,
      dirty: false,
      num_untracked_files: null,
      commit_hash: 'c'.repeat(40),
      commit_date: null,
      branch_name: 'release',
    });
    // In a repository git is asked.
    expect((await gitStatus(project())).state.source).toBe('git');
  });

  test('without git', async () => {
    const root = project();
    process.env.PATH = folder();
    await expect(gitStatus(root)).rejects.toMatchObject({
      code: NO_GIT,
      message: 'git was not found',
      hint: expect.stringMatching(/Install git/),
    });
    process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
    expect((await gitStatus(root)).state.source).toBe('env');
  });

  test('of a bare repository, or inside a git directory', async () => {
    process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
    await expect(gitStatus(repository('--bare'))).rejects.toMatchObject({
      code: NO_GIT,
      message: expect.stringMatching(/is bare/),
      hint: expect.stringMatching(/clone/),
    });
    await expect(gitStatus(join(project(), '.git'))).rejects.toMatchObject({
      code: NO_GIT,
      message: expect.stringMatching(/not in the work tree/),
    });
  });

  test("of another user's repository", async () => {
    const root = project();
    process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER = '1';
    process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
    await expect(gitStatus(root)).rejects.toMatchObject({
      code: NO_GIT,
      message: expect.stringMatching(/belongs to another user/),
      hint: expect.stringMatching(/safe\.directory/),
    });
  });

  test('of a folder that is not there, and of a broken link to a repository', async () => {
    await expect(gitStatus(join(folder(), 'gone'))).rejects.toMatchObject({
      code: NO_GIT,
      message: expect.stringMatching(/is not there/),
    });
    const broken = folder();
    write(broken, '.git', 'gitdir: /nowhere/at/all\n');
    process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
    await expect(gitStatus(broken)).rejects.toMatchObject({
      code: NO_GIT,
      message: expect.stringMatching(/cannot read.*nowhere/),
    });
  });

  test('of a commit that is not there', async () => {
    const root = project();
    write(root, '.git/refs/heads/main', `${'1'.repeat(40)}\n`);
    await expect(gitStatus(root)).rejects.toMatchObject({ code: NO_GIT });
  });

  test('when cancelled', async () => {
    await expect(gitStatus(project(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_THETA_CANCELLED',
    });
  });
});

test('the caller may stand in a hook of another repository', async () => {
  const [root, other] = [project(), project()];
  process.env.GIT_DIR = join(other, '.git');
  process.env.GIT_INDEX_FILE = join(other, '.git/gone');
  process.env.GIT_WORK_TREE = other;
  const { state } = await gitStatus(root);
  for (const name of ['GIT_DIR', 'GIT_INDEX_FILE', 'GIT_WORK_TREE']) delete process.env[name];
  expect(state.commit).toBe(run(root, 'rev-parse', 'HEAD').trim());
  expect(state.dirty).toBe(false);
});

test('a detached HEAD has no branch but that of the CI system', async () => {
  process.env.GITHUB_ACTIONS = 'true';
  process.env.GITHUB_REF_NAME = 'main';
  const { state, six } = await statusAfter('detached');
  expect(state).toMatchObject({ branch: null, detached: true, empty: false });
  expect(state.ci).toEqual({ system: 'github', branch: 'main' });
  expect(six.branch_name).toBeNull();
});

test('an unborn branch', async () => {
  const root = repository();
  write(root, 'a.py', 'a');
  write(root, 'b.py', 'b');
  run(root, 'add', 'b.py');
  const status = await gitStatus(root);
  expect(status.six).toEqual({
    empty: true,
    dirty: null,
    num_untracked_files: 1,
    commit_hash: null,
    commit_date: null,
    branch_name: null,
  });
  expect(status.state).toMatchObject({
    empty: true,
    branch: 'main',
    detached: false,
    tree: null,
    code_tree: null,
    dirty: null,
    code_dirty: true,
  });
  expect(kinds(status)).toEqual({ 'b.py': 'added' });
});

test('untracked files only', async () => {
  const { state, six, untracked } = await statusAfter('untracked');
  expect(six).toMatchObject({ dirty: false, num_untracked_files: 3 });
  expect(untracked).toEqual(['notes.txt']);
  expect(state.untracked).toMatchObject({ count: 3, code_count: 1 });
  expect(state.code_dirty).toBe(false);
});

test('the digest of untracked files tells names and contents', async () => {
  const root = project();
  write(root, 'notes.txt', 'n');
  if (posix) symlinkSync('train.py', join(root, 'link'));
  const digest = async () => (await gitStatus(root)).state.untracked.digest;
  const first = await digest();
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(await digest()).toBe(first);
  write(root, 'new.ckpt', 'a model');
  expect(await digest()).toBe(first);
  write(root, 'notes.txt', 'm');
  const second = await digest();
  write(root, 'notes.txt', 'n');
  expect(await digest()).toBe(first);
  write(root, 'more.txt', '');
  expect(new Set([first, second, await digest()]).size).toBe(3);
});

test('the digest of changed files tells what is in the work tree, and leaves models out', async () => {
  const root = project();
  const changed = async () => (await gitStatus(root)).state.changed;
  expect(await changed()).toEqual({ count: 0, digest: null });
  write(root, 'train.py', 'other');
  rmSync(join(root, 'lib/a.py'));
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const expected = sha256(`lib/a.py\0absent\ntrain.py\0file ${sha256('other')}\n`);
  expect(await changed()).toEqual({ count: 2, digest: expected });
  // Staged or not, the code is the same.
  run(root, 'add', 'train.py');
  write(root, 'model.ckpt', 'trained');
  expect(await changed()).toEqual({ count: 2, digest: expected });
  write(root, 'train.py', 'another');
  expect((await changed()).digest).not.toBe(expected);
});

test('of large files the digest tells the size', async () => {
  const root = project();
  const path = write(root, 'data.bin', 'a');
  const digest = async (size: number) => {
    truncateSync(path, size);
    return (await gitStatus(root)).state.untracked.digest;
  };
  const limit = 10 * 1024 * 1024;
  const [small, large] = [await digest(limit), await digest(limit + 1)];
  expect(await digest(limit + 2)).not.toBe(large);
  write(root, 'data.bin', 'b');
  expect(await digest(limit + 1)).toBe(large);
  expect(await digest(limit)).not.toBe(small);
});

test('the digest is as documented', async () => {
  const root = project();
  write(root, 'b', 'bee');
  write(root, 'a/x', '');
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const { state } = await gitStatus(root);
  expect(state.untracked.digest).toBe(
    sha256(`a/x\0file ${sha256('')}\nb\0file ${sha256('bee')}\n`),
  );
});

test.each<[string, Record<string, string>]>([
  ['content', { 'train.py': 'content' }],
  ['staged', { 'lib/new.py': 'added' }],
  ['renamed', { 'main.py': 'renamed', 'train.py': 'renamed' }],
  ['deleted', { 'train.py': 'deleted' }],
  ['not staged rename', { 'train.py': 'deleted' }],
  ['intent to add', { 'later.py': 'intent-to-add' }],
  ['conflict', { 'train.py': 'conflict' }],
  ...(posix
    ? ([
        ['mode', { 'train.py': 'mode' }],
        ['type', { 'train.py': 'type' }],
      ] as [string, Record<string, string>][])
    : []),
])('changes: %s', async (state, expected) => {
  const status = await statusAfter(state);
  expect(kinds(status)).toEqual(expected);
  expect(status.state.code_dirty).toBe(true);
  expect(status.six.dirty).toBe(true);
  expect(status.state.dirty_kinds).toEqual([...new Set(Object.values(expected))].sort());
});

(posix ? test : test.skip)('mode and content, staged and not', async () => {
  const root = project();
  chmodSync(join(root, 'train.py'), 0o755);
  run(root, 'add', 'train.py');
  write(root, 'lib/a.py', 'a = 2\n');
  chmodSync(join(root, 'lib/a.py'), 0o755);
  expect(kinds(await gitStatus(root))).toEqual({ 'lib/a.py': 'content mode', 'train.py': 'mode' });
});

test.each(['model', 'store'])('a changed %s is dirty, but not as code', async (state) => {
  const { state: found, six, changed, models } = await statusAfter(state);
  expect(models).toHaveLength(1);
  expect(six.dirty).toBe(true);
  expect(found).toMatchObject({ dirty: true, code_dirty: false, dirty_kinds: [] });
  expect(changed).toEqual([]);
});

test('a model that becomes code, and code that becomes a model', async () => {
  const root = project();
  run(root, 'mv', 'model.ckpt', 'model.txt');
  run(root, 'mv', 'train.py', 'train.ckpt');
  expect(kinds(await gitStatus(root))).toEqual({ 'model.txt': 'added', 'train.py': 'deleted' });
});

test('a renamed branch changes nothing but its name', async () => {
  const root = project();
  const before = (await gitStatus(root)).state;
  run(root, 'branch', '-m', 'trunk/été');
  expect((await gitStatus(root)).state).toEqual({ ...before, branch: 'trunk/été' });
});

describe('submodules', () => {
  const sub = ({ state }: GitStatus) => state.submodules.map(({ path, dirty }) => [path, dirty]);

  test('clean, and recorded in the code tree', async () => {
    const root = withSubmodule();
    const status = await gitStatus(root);
    const id = run(join(root, 'sub'), 'rev-parse', 'HEAD').trim();
    expect(status.state.submodules).toEqual([{ path: 'sub', commit: id, dirty: false }]);
    expect(status.state.dirty).toBe(false);
    run(root, 'rm', '-rq', '--cached', 'model.ckpt', '.git_theta');
    expect(status.state.code_tree).toBe(run(root, 'write-tree').trim());
  });

  test('changed content', async () => {
    const root = withSubmodule();
    write(root, 'sub/train.py', 'other\n');
    const status = await gitStatus(root);
    expect(sub(status)).toEqual([['sub', true]]);
    expect(kinds(status)).toEqual({ sub: 'submodule' });
    expect(status.six.dirty).toBe(true);
  });

  test('untracked files', async () => {
    const root = withSubmodule();
    write(root, 'sub/new.py', 'other\n');
    const status = await gitStatus(root);
    expect(sub(status)).toEqual([['sub', true]]);
    expect(status.changed).toEqual([]);
    expect(status.six).toMatchObject({ dirty: false, num_untracked_files: 0 });
  });

  test('another commit, and a new submodule', async () => {
    const root = withSubmodule();
    write(root, 'sub/train.py', 'other\n');
    commit(join(root, 'sub'));
    run(root, 'submodule', '--quiet', 'add', project(), 'two');
    const status = await gitStatus(root);
    expect(sub(status)).toEqual([
      ['sub', true],
      ['two', true],
    ]);
    expect(status.state.submodules[1]?.commit).toBeNull();
    expect(kinds(status)).toMatchObject({ sub: 'submodule', two: 'submodule' });
  });
});

test.each(['assume unchanged', 'skip work tree'])(
  '%s hides a change, and is told',
  async (state) => {
    const { six, state: found } = await statusAfter(state);
    expect(six.dirty).toBe(false);
    expect(found.flags.assume_unchanged).toEqual(['train.py']);
  },
);

test('a linked work tree, and a folder in it', async () => {
  const root = project();
  const linked = join(folder(), 'linked');
  run(root, 'worktree', 'add', '-q', '-b', 'side', linked);
  write(linked, 'train.py', 'other\n');
  const status = await gitStatus(join(linked, 'lib'));
  expect(status.state.branch).toBe('side');
  expect(kinds(status)).toEqual({ 'train.py': 'content' });
  expect((await gitStatus(root)).state.dirty).toBe(false);
});

test('a shallow, partial clone, its upstream and its remote', async () => {
  const from = project();
  write(from, 'train.py', 'more\n');
  commit(from);
  run(from, 'config', 'uploadpack.allowFilter', 'true');
  const root = join(folder(), 'clone');
  const url = `file://${posix ? '' : '/'}${from.replaceAll('\\', '/')}`;
  run(from, 'clone', '-q', '--depth=1', '--filter=blob:none', url, root);
  write(root, 'lib/a.py', 'ahead\n');
  commit(root);
  const { state } = await gitStatus(root);
  expect(state.flags).toMatchObject({ shallow: true, partial: true, sparse: false });
  expect(state.upstream).toEqual({ ref: 'origin/main', ahead: 1, behind: 0 });
  // A path of this machine, as a URL.
  expect(state.repo).toBeNull();
  run(root, 'remote', 'add', 'fork', 'git@example.com:fork.git');
  run(root, 'config', 'branch.main.remote', 'fork');
  expect((await gitStatus(root)).state.repo).toBe('git@example.com:fork.git');
});

test('a sparse checkout is clean, and its code tree is the whole one', async () => {
  const root = project();
  const before = (await gitStatus(root)).state;
  run(root, 'sparse-checkout', 'set', '--no-cone', '/train.py', '/.gitattributes');
  expect(existsSync(join(root, 'lib/a.py'))).toBe(false);
  const { state } = await gitStatus(root);
  expect(state.flags).toMatchObject({ sparse: true, assume_unchanged: [] });
  expect(state.code_tree).toBe(before.code_tree);
  expect(state.dirty).toBe(false);
});

(posix ? test : test.skip)('a path with line ends and spaces', async () => {
  const root = join(folder(), ' two\nlines\n');
  renameSync(project(), root);
  write(root, 'train.py', 'other\n');
  const status = await gitStatus(join(root, 'lib'));
  expect(kinds(status)).toEqual({ 'train.py': 'content' });
  expect(status.state.flags.operation).toBeNull();
});

(posix ? test : test.skip)(
  'a commit while git is asked: what is told is of one commit',
  async () => {
    const root = project();
    const bin = folder();
    const real = run(root, '--exec-path').trim();
    const times = join(bin, 'times');
    const program = (most: number) => {
      write(bin, 'times', '');
      write(
        bin,
        'git',
        `#!/bin/sh
PATH='${real}':$PATH; export PATH
case "$*" in *--porcelain=v2*)
  if [ $(wc -c < '${times}') -lt ${most} ]; then
    printf x >> '${times}'; sleep 0.3; git commit -q --allow-empty -m x
  fi ;;
esac
exec git "$@"
`,
        0o755,
      );
    };
    process.env.PATH = `${bin}:${saved.PATH}`;
    program(1);
    const { state } = await gitStatus(root);
    expect(state.commit).toBe(run(root, 'rev-parse', 'HEAD').trim());
    expect(state.flags.shallow).toBe(false);
    program(9);
    await expect(gitStatus(root)).rejects.toMatchObject({
      code: NO_GIT,
      message: expect.stringMatching(/keeps committing/),
    });
    expect(readFileSync(times, 'utf8')).toBe('xxx');
  },
);

describe('operations in progress', () => {
  const now = async (root: string) => (await gitStatus(root)).state.flags.operation;

  test('merge, rebase, cherry-pick, revert, bisect', async () => {
    const root = project();
    conflict(root);
    expect(await now(root)).toBe('merge');
    run(root, 'merge', '--abort');
    for (const [words, name] of [
      [['rebase', 'other'], 'rebase'],
      [['cherry-pick', 'other'], 'cherry-pick'],
      [['revert', 'other'], 'revert'],
    ] as const) {
      expect(() => run(root, ...words)).toThrow();
      expect(await now(root)).toBe(name);
      run(root, name, '--abort');
    }
    run(root, 'bisect', 'start');
    expect(await now(root)).toBe('bisect');
    run(root, 'bisect', 'reset');
    expect(await now(root)).toBeNull();
  });
});

test('names that are not UTF-8 do not break the tree', async () => {
  const root = project();
  if (!oddName(root)) return;
  const { untracked } = await gitStatus(root);
  expect(untracked).toEqual(['lib/\ufffd\ufffd']);
  commit(root);
  const { state } = await gitStatus(root);
  run(root, 'rm', '-rq', '--cached', 'model.ckpt', '.git_theta');
  expect(state.code_tree).toBe(run(root, 'write-tree').trim());
});

test('a repository inside that is no submodule is one untracked path', async () => {
  const root = project();
  mkdirSync(join(root, 'inner'));
  run(join(root, 'inner'), 'init', '-q');
  write(root, 'inner/a.py', 'a');
  commit(join(root, 'inner'));
  const { untracked, state } = await gitStatus(root);
  expect(untracked).toEqual(['inner/']);
  expect(state.untracked.digest).toMatch(/^[0-9a-f]{64}$/);
});

(posix ? test : test.skip)('the filter of models runs only where git has to ask it', async () => {
  const root = project();
  const log = join(folder(), 'log');
  run(root, 'config', 'filter.theta.clean', `echo %f >> '${log}'; cat`);
  // Older than the index: git does not look at it again.
  utimesSync(join(root, 'model.ckpt'), 1e9, 1e9);
  run(root, 'update-index', '--refresh');
  rmSync(log);
  write(root, 'other.ckpt', 'untracked');
  write(root, 'train.py', 'other');
  chmodSync(join(root, 'lib/a.py'), 0o755);
  await gitStatus(root);
  expect(existsSync(log)).toBe(false);
  write(root, 'model.ckpt', 'WEIGHTS');
  chmodSync(join(root, 'model.ckpt'), 0o755);
  expect((await gitStatus(root)).six.dirty).toBe(true);
  if (existsSync(log)) expect(readFileSync(log, 'utf8')).toBe('model.ckpt\n');
});
