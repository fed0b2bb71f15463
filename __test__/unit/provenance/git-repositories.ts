/** Repositories with code and a model, in every state that tests need. */
import { chmodSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, repository, run, write } from '../git/tmp';

// What a CI system says would be in every state.
for (const name of Object.keys(process.env))
  if (/^(GITHUB_|GITLAB_|CI_|BUILDKITE|JENKINS_|GIT_THETA_GIT_)/.test(name))
    delete process.env[name];

export { folder, repository, run, write };

/** Commits all there is. */
export function commit(root: string, message = 'commit'): void {
  run(root, 'add', '-A');
  run(root, 'commit', '-qm', message);
}

/** A repository with one commit of code, and a model that git stores as it is. */
export function project(...args: string[]): string {
  const root = repository(...args);
  write(root, 'train.py', 'print(1)\n');
  write(root, 'lib/a.py', 'a = 1\n');
  write(root, 'lib-b.py', 'b = 1\n');
  write(root, '.gitattributes', '*.ckpt filter=theta diff=theta\n');
  write(root, 'model.ckpt', 'weights');
  write(root, '.git_theta/model.ckpt/data', 'tensor');
  commit(root, 'first');
  return root;
}

/** A repository with the submodule `sub`. */
export function withSubmodule(): string {
  const inner = project();
  const root = project();
  run(root, 'submodule', '--quiet', 'add', inner, 'sub');
  commit(root, 'submodule');
  return root;
}

/** Leaves a merge with a conflict in train.py. */
export function conflict(root: string): void {
  run(root, 'checkout', '-qb', 'other');
  write(root, 'train.py', 'print(2)\n');
  commit(root, 'other');
  run(root, 'checkout', '-q', 'main');
  write(root, 'train.py', 'print(3)\n');
  commit(root, 'main');
  expect(() => run(root, 'merge', 'other')).toThrow();
}

/** A file whose name is not UTF-8; false where the file system has no such names. */
export function oddName(root: string): boolean {
  try {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/lib/`), Buffer.from([0xe9, 0xff])]), 'x');
    return true;
  } catch {
    return false;
  }
}

/** What is done to a project. */
export const STATES: Record<string, (root: string) => void> = {
  clean: () => {},
  content: (root) => write(root, 'train.py', 'print(2)\n'),
  staged: (root) => {
    write(root, 'lib/new.py', 'x\n');
    run(root, 'add', 'lib/new.py');
  },
  renamed: (root) => run(root, 'mv', 'train.py', 'main.py'),
  deleted: (root) => rmSync(join(root, 'train.py')),
  'not staged rename': (root) => renameSync(join(root, 'train.py'), join(root, 'main.py')),
  mode: (root) => chmodSync(join(root, 'train.py'), 0o755),
  type: (root) => {
    rmSync(join(root, 'train.py'));
    symlinkSync('lib/a.py', join(root, 'train.py'));
  },
  untracked: (root) => {
    write(root, 'notes.txt', 'n');
    write(root, 'new.ckpt', 'w');
    write(root, '.git_theta/new.ckpt/data', 'w');
  },
  model: (root) => write(root, 'model.ckpt', 'other weights'),
  store: (root) => write(root, '.git_theta/model.ckpt/data', 'other tensor'),
  'intent to add': (root) => {
    write(root, 'later.py', 'x\n');
    run(root, 'add', '-N', 'later.py');
  },
  conflict,
  'assume unchanged': (root) => {
    run(root, 'update-index', '--assume-unchanged', 'train.py');
    write(root, 'train.py', 'print(2)\n');
  },
  'skip work tree': (root) => {
    run(root, 'update-index', '--skip-worktree', 'train.py', 'model.ckpt');
    write(root, 'train.py', 'print(2)\n');
  },
  detached: (root) => run(root, 'checkout', '-q', '--detach'),
  'odd names': (root) => {
    // Windows has no such names.
    if (process.platform === 'win32') return;
    if (oddName(root)) commit(root, 'odd');
    write(root, 'lib/"quoted"\n\tname é', 'x');
    commit(root, 'quoted');
    oddName(root);
    write(root, 'lib/"quoted"\n\tname é', 'y');
  },
  'other attributes': (root) => {
    // Nothing but the value `theta` makes a model.
    write(
      root,
      '.gitattributes',
      'a.bin filter=theta-store\nb.bin filter\nc.bin -filter\nd.bin filter=theta\n',
    );
    for (const name of 'abcd') write(root, `${name}.bin`, name);
    write(root, '.git_theta.py', 'x');
    write(root, 'sub/.git_theta/x', 'x');
    commit(root, 'attributes');
  },
};
