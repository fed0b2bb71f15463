import { printManifest } from '../../src/manifest';
import { model, type Tensor } from '../unit/merge/models';
import { MergeRepository } from './merge-repository';

const BASE: Record<string, Tensor> = { a: '1', b: '1', 'g/c': '1', 'g/d': { fill: 1 } };
const OURS = { ...BASE, a: '2' };
const THEIRS = { ...BASE, b: '3', 'g/d': '4' };
const BOTH = { ...BASE, a: '2', b: '3', 'g/d': '4' };

let repo: MergeRepository;

afterEach(() => repo.dispose());

function expectMerged(path = 'model.pt', tensors: Record<string, Tensor> = BOTH): void {
  expect(printManifest(repo.manifest(path))).toBe(printManifest(model(tensors)));
  expect(repo.storeErrors(path)).toEqual([]);
  expect(repo.git('status', '--porcelain')).toBe('');
}

describe('changes of different tensors merge by themselves', () => {
  beforeEach(() => {
    repo = new MergeRepository();
    repo.fork(
      { 'model.pt': model(BASE) },
      { 'model.pt': model(OURS) },
      { 'model.pt': model(THEIRS) },
    );
  });

  test('merge', () => {
    const { code, stdout, stderr } = repo.try(['merge', '--no-edit', 'theirs']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Auto-merging model.pt');
    expectMerged();
  });

  test('merge --squash', () => {
    repo.git('merge', '--squash', 'theirs');
    repo.git('commit', '-q', '-m', 'squashed');
    expectMerged();
  });

  test('cherry-pick', () => {
    repo.git('cherry-pick', 'theirs');
    expectMerged();
  });

  test('revert', () => {
    repo.git('merge', '-q', '--no-edit', 'theirs');
    repo.git('revert', '--no-edit', 'main..ours^1');
    expectMerged('model.pt', THEIRS);
  });

  test('rebase', () => {
    repo.git('rebase', '-q', 'theirs');
    expectMerged();
  });

  test('rebase --apply', () => {
    repo.git('rebase', '-q', '--apply', 'theirs');
    expectMerged();
  });

  test('stash pop', () => {
    repo.git('switch', '-q', 'main');
    repo.git('restore', '-q', '--source=theirs', '--staged', '--worktree', '.');
    repo.git('stash', '-q');
    repo.git('switch', '-q', 'ours');
    repo.git('stash', 'pop', '-q');
    repo.git('commit', '-q', '-a', '-m', 'popped');
    expectMerged();
  });

  test('merge-tree, with nothing in the work tree touched', () => {
    const { code, stdout } = repo.try(['merge-tree', '--write-tree', 'ours', 'theirs']);
    expect(code).toBe(0);
    const tree = stdout.split('\n')[0] ?? '';
    expect(printManifest(repo.manifest('model.pt', tree))).toBe(printManifest(model(BOTH)));
    expect(repo.storeErrors('model.pt', tree)).toEqual([]);
    expect(repo.git('status', '--porcelain')).toBe('');
  });

  test('in a linked work tree', () => {
    repo.git('worktree', 'add', '-q', '-b', 'linked', '../linked', 'ours');
    const linked = `${repo.root}/linked`;
    expect(repo.try(['merge', '-q', '--no-edit', 'theirs'], linked).code).toBe(0);
    expect(repo.storeErrors('model.pt', 'linked')).toEqual([]);
    expect(repo.manifest('model.pt', 'linked')).toEqual(model(BOTH));
  });

  test('from a subfolder, with a message that a tool can read', () => {
    const { code } = repo.try(['merge', '--no-edit', 'theirs'], `${repo.dir}/.git_theta`);
    expect(code).toBe(0);
    expectMerged();
  });
});
