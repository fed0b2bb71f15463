import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printManifest } from '../../src/manifest';
import { model, type Tensor } from '../unit/merge/models';
import { MergeRepository } from './merge-repository';

const BASE: Record<string, Tensor> = { a: '1', b: '1', 'g/c': '1' };
const OURS = { ...BASE, a: '2', 'g/c': '2' };
const THEIRS = { ...BASE, a: '3', b: '3' };

let repo: MergeRepository;

beforeEach(() => {
  repo = new MergeRepository();
});
afterEach(() => repo.dispose());

function fork(ours = OURS, theirs = THEIRS, path = 'model.pt'): void {
  // Something else in each commit: none is empty, whichever version of the model is taken.
  repo.fork(
    { [path]: model(BASE) },
    { [path]: model(ours), 'ours.txt': 'ours' },
    { [path]: model(theirs), 'theirs.txt': 'theirs' },
  );
}

/** The state is that of an ordinary conflict, with our version in the work tree. */
function expectConflict(path = 'model.pt', ours = OURS): void {
  expect(repo.unmerged()).toEqual([path]);
  expect(readFileSync(join(repo.dir, path), 'utf8')).toBe(printManifest(model(ours)));
  expect(repo.git('cat-file', 'blob', `:3:${path}`)).toBe(printManifest(model(THEIRS)));
}

function expectCommitted(tensors: Record<string, Tensor>, path = 'model.pt'): void {
  expect(printManifest(repo.manifest(path))).toBe(printManifest(model(tensors)));
  expect(repo.storeErrors(path)).toEqual([]);
  expect(repo.git('status', '--porcelain')).toBe('');
}

test('the conflict names the tensors and says what to do', () => {
  fork();
  const { code, stdout, stderr } = repo.try(['merge', '--no-edit', 'theirs']);
  expect(code).toBe(1);
  expect(stdout).toContain('CONFLICT (content): Merge conflict in model.pt');
  expect(stdout.match(/CONFLICT/g)).toHaveLength(1);
  expect(stderr).toBe(`error: model.pt: one conflict
       a: both sides changed it
hint: Take one version with 'git checkout --ours -- model.pt' or '--theirs', or write the file yourself,
hint: then run 'git add -- model.pt' and 'git theta merge --continue'.
hint: To go back: 'git theta merge --abort'.
`);
  expectConflict();
});

describe.each(['--ours', '--theirs'])('resolved with %s', (side) => {
  const result = side === '--ours' ? OURS : THEIRS;

  test.each([
    ['merge', ['merge', '--no-edit', 'theirs'], side],
    ['cherry-pick', ['cherry-pick', 'theirs'], side],
    ['rebase', ['rebase', 'theirs'], side === '--ours' ? '--theirs' : '--ours'],
    ['rebase --apply', ['rebase', '--apply', 'theirs'], side === '--ours' ? '--theirs' : '--ours'],
  ])('%s', (_, args, flag) => {
    fork();
    expect(repo.try(args).code).toBe(1);
    repo.git('checkout', '-q', flag, 'model.pt');
    repo.git('add', 'model.pt');
    const { code, stderr } = repo.theta('merge', '--continue');
    expect(`${code} ${stderr}`).toMatch(/^0 Staged the tensors of 1 checkpoint\./);
    expectCommitted(result);
    expect(existsSync(join(repo.dir, '.git/theta/merge'))).toBe(false);
  });

  test('squash', () => {
    fork();
    expect(repo.try(['merge', '--squash', 'theirs']).code).toBe(1);
    repo.git('checkout', '-q', side, 'model.pt');
    repo.git('add', 'model.pt');
    expect(repo.theta('merge', '--continue').stdout).toBe(
      "All checkpoints are resolved. Run 'git commit' to record them.\n",
    );
    repo.git('commit', '-q', '-m', 'squashed');
    expectCommitted(result);
  });
});

test('a revert that conflicts', () => {
  repo.commit('main', { 'model.pt': model(BASE) });
  repo.commit('ours', { 'model.pt': model(THEIRS) }, 'main');
  repo.commit('ours', { 'model.pt': model(OURS) });
  repo.git('switch', '-q', '-f', 'ours');
  expect(repo.try(['revert', '--no-edit', 'HEAD^']).code).toBe(1);
  expect(repo.unmerged()).toEqual(['model.pt']);
  repo.git('checkout', '-q', '--theirs', 'model.pt');
  repo.git('add', 'model.pt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectCommitted(BASE);
});

test('a stash that conflicts', () => {
  fork();
  repo.git('switch', '-q', 'main');
  repo.git('restore', '-q', '--source=theirs', '--staged', '--worktree', '.');
  repo.git('stash', '-q');
  repo.git('switch', '-q', 'ours');
  expect(repo.try(['stash', 'pop']).code).toBe(1);
  expectConflict();
  repo.git('checkout', '-q', '--theirs', 'model.pt');
  repo.git('add', 'model.pt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  repo.git('commit', '-q', '-m', 'popped');
  expectCommitted(THEIRS);
});

test('resolved with a file that is neither version', () => {
  fork();
  repo.try(['merge', '--no-edit', 'theirs']);
  const mine = { ...BASE, a: '2.5', b: '3' };
  writeFileSync(join(repo.dir, 'model.pt'), printManifest(model(mine)));
  repo.git('add', 'model.pt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectCommitted(mine);
});

test('--continue refuses, and changes nothing, while a checkpoint is in conflict', () => {
  fork();
  repo.try(['merge', '--no-edit', 'theirs']);
  const before = repo.snapshot();
  const { code, stderr } = repo.theta('merge', '--continue');
  expect(code).toBe(1);
  expect(stderr).toContain('error: one checkpoint is still in conflict\n');
  expect(stderr).toContain('a: both sides changed it\n');
  expect(repo.theta('merge', '--continue', '--dry-run').code).toBe(1);
  expect(repo.snapshot()).toBe(before);
});

test('--continue leaves other conflicts to git, and goes on when they are resolved', () => {
  repo.fork(
    { 'model.pt': model(BASE), 'notes.txt': 'one' },
    { 'model.pt': model(OURS), 'notes.txt': 'two' },
    { 'model.pt': model(THEIRS), 'notes.txt': 'three' },
  );
  repo.try(['merge', '--no-edit', 'theirs']);
  repo.git('checkout', '-q', '--theirs', 'model.pt');
  repo.git('add', 'model.pt');
  const { code, stderr } = repo.theta('merge', '--continue');
  expect(code).toBe(1);
  expect(stderr).toContain('notes.txt');
  expect(repo.unmerged()).toEqual(['notes.txt']);
  repo.git('checkout', '-q', '--theirs', 'notes.txt');
  repo.git('add', 'notes.txt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectCommitted(THEIRS);
});

test('the state of a merge, for people and for programs', () => {
  fork();
  expect(repo.theta('merge').stdout).toBe('Nothing is in conflict.\n');
  repo.try(['merge', '--no-edit', 'theirs']);
  const shown = repo.theta('merge');
  expect(shown).toMatchObject({
    code: 1,
    stdout: 'model.pt: conflict\n  a: both sides changed it\n',
  });
  const { code, stdout } = repo.theta('merge', '--json');
  expect(code).toBe(1);
  const [o, a, b] = [BASE, OURS, THEIRS].map((tensors) => model(tensors).tensors[0]);
  expect(JSON.parse(stdout)).toEqual({
    schema: 1,
    operation: 'merge',
    others: [],
    models: [
      {
        path: 'model.pt',
        state: 'conflict',
        conflicts: [{ name: 'a', kind: 'modify/modify', base: o, ours: a, theirs: b }],
      },
    ],
  });
});

test.each([
  ['merge', ['merge', '--no-edit', 'theirs']],
  ['cherry-pick', ['cherry-pick', 'theirs']],
  ['rebase', ['rebase', 'theirs']],
  ['rebase --apply', ['rebase', '--apply', 'theirs']],
])('--abort brings everything back: %s', (_, args) => {
  fork();
  const before = repo.snapshot();
  expect(repo.try(args).code).toBe(1);
  expect(repo.theta('merge', '--abort').code).toBe(0);
  expect(repo.snapshot()).toBe(before);
  expect(repo.git('branch', '--show-current')).toBe('ours\n');
});

test('--abort with nothing to abort', () => {
  fork();
  const { code, stderr } = repo.theta('merge', '--abort');
  expect([code, stderr.split('\n')[0]]).toEqual([
    129,
    'error: Nothing is in progress that could be aborted.',
  ]);
});

test('a checkpoint removed on one side', () => {
  repo.fork({ 'model.pt': model(BASE) }, { 'model.pt': model(OURS) }, { 'model.pt': null });
  expect(repo.try(['merge', '--no-edit', 'theirs']).code).toBe(1);
  expect(repo.theta('merge').stdout).toBe(
    'model.pt: conflict\n  theirs removed the checkpoint, ours changed it\n',
  );
  repo.git('rm', '-q', 'model.pt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expect(repo.git('ls-files', '.git_theta')).toBe('.git_theta/.gitattributes\n');
  expect(repo.git('status', '--porcelain')).toBe('');
});

test('a checkpoint removed on one side, and kept', () => {
  repo.fork({ 'model.pt': model(BASE) }, { 'model.pt': null }, { 'model.pt': model(OURS) });
  expect(repo.try(['merge', '--no-edit', 'theirs']).code).toBe(1);
  repo.git('add', 'model.pt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectCommitted(OURS);
});

test('added on both sides', () => {
  repo.fork({}, { 'model.pt': model(OURS) }, { 'model.pt': model(THEIRS) });
  const { code, stderr } = repo.try(['merge', '--no-edit', 'theirs']);
  expect(code).toBe(1);
  expect(stderr).toContain(
    'model.pt: 3 conflicts\n       a: both sides added it, with different values',
  );
  expectConflict();
});

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 5\n`;

test.each([
  ['a plain file', 'PK...raw bytes', 'is a plain file, from before git-theta tracked it'],
  ['a pointer of Git LFS', POINTER, 'is a Git LFS pointer, from before git-theta tracked it'],
  ['a broken manifest', '{"git-theta":1,"format":"?"}\n', 'is a manifest that cannot be read'],
])('%s on their side', (_, content, words) => {
  repo.fork({ 'model.pt': 'old' }, { 'model.pt': model(OURS) }, { 'model.pt': content });
  const { code, stderr } = repo.try(['merge', '--no-edit', 'theirs']);
  expect(code).toBe(1);
  expect(stderr).toContain(`the version of theirs ${words}\n`);
  expect(repo.theta('merge').stdout).toContain(`the version of theirs ${words}\n`);
  repo.git('add', 'model.pt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectCommitted(OURS);
});

test('a common ancestor from before git-theta tracked it', () => {
  repo.fork({ 'model.pt': 'raw' }, { 'model.pt': model(OURS) }, { 'model.pt': model(THEIRS) });
  const { code, stderr } = repo.try(['merge', '--no-edit', 'theirs']);
  expect(code).toBe(1);
  expect(stderr).toContain('a: both sides added it, with different values');
});

test('conflicts in several models, one of them without any', () => {
  repo.fork(
    { 'a.pt': model(BASE), 'b/c d.pt': model(BASE), 'e.pt': model(BASE) },
    { 'a.pt': model(OURS), 'b/c d.pt': model(OURS), 'e.pt': model({ ...BASE, a: '2' }) },
    { 'a.pt': model(THEIRS), 'b/c d.pt': model(THEIRS), 'e.pt': model({ ...BASE, b: '2' }) },
  );
  expect(repo.try(['merge', '--no-edit', 'theirs']).code).toBe(1);
  expect(repo.unmerged()).toEqual(['a.pt', 'b/c d.pt']);
  repo.git('checkout', '-q', '--theirs', 'a.pt');
  repo.git('add', '.');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectCommitted(THEIRS, 'a.pt');
  expectCommitted(OURS, 'b/c d.pt');
  expectCommitted({ ...BASE, a: '2', b: '2' }, 'e.pt');
});
