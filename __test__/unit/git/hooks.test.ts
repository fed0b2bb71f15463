import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HOOKS, inspectHooks, installHooks, uninstallHooks } from '../../../src/git/hooks';
import { Repository } from '../../../src/git/repository';
import { folder, repository, run, write } from './tmp';

const ours = (folderPath: string): string[] =>
  readdirSync(folderPath)
    .filter((name) => !name.endsWith('.sample'))
    .sort();

async function bare(): Promise<{ root: string; hooks: string; repo: Repository }> {
  const root = repository('--template=');
  return { root, hooks: join(root, '.git/hooks'), repo: await Repository.discover(root) };
}

/** Runs a hook with `git-theta` and `git-lfs` that write down how they were called. */
function call(
  root: string,
  hook: string,
  args: string[],
  input: string,
): { code: number; log: string } {
  const bin = folder();
  const log = join(bin, 'log');
  const tell = `#!/bin/sh\necho "$(basename "$0") $*" >> '${log}'\ncase "$*" in *pre-push*) cat >> '${log}' ;; esac\n`;
  write(bin, 'git-theta', tell, 0o755);
  write(bin, 'git-lfs', tell, 0o755);
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  let code = 0;
  try {
    execFileSync(join('.git/hooks', hook), args, { cwd: root, env, input, stdio: 'pipe' });
  } catch (error) {
    code = (error as { status: number }).status;
  }
  return { code, log: existsSync(log) ? readFileSync(log, 'utf8') : '' };
}

test('installed where there were none, twice without a change, and removed', async () => {
  const { root, hooks, repo } = await bare();
  expect((await inspectHooks(repo)).every(({ state }) => state === 'absent')).toBe(true);
  const first = await installHooks(repo);
  expect(first.map(({ name, action, state }) => [name, action, state])).toEqual(
    HOOKS.map((name) => [name, 'written', 'ours']),
  );
  expect(ours(hooks)).toEqual([...HOOKS].sort());
  for (const name of HOOKS) expect(lstatSync(join(hooks, name)).mode & 0o111).toBe(0o111);
  expect((await installHooks(repo)).every(({ action }) => action === 'none')).toBe(true);
  expect(call(root, 'pre-commit', [], '')).toEqual({ code: 0, log: 'git-theta hook pre-commit\n' });
  expect(call(root, 'pre-push', ['origin', 'url'], 'a b\nc d\n').log).toBe(
    'git-theta hook pre-push origin url\na b\nc d\n',
  );
  expect(call(root, 'post-checkout', ['a', 'b c', '1'], '').log).toBe(
    'git-lfs post-checkout a b c 1\ngit-theta hook post-checkout a b c 1\n',
  );
  expect((await uninstallHooks(repo)).every(({ action }) => action === 'removed')).toBe(true);
  expect(ours(hooks)).toEqual([]);
});

test('the hooks of git-lfs are replaced, their part still runs, and they come back', async () => {
  const { root, hooks, repo } = await bare();
  run(root, 'lfs', 'install', '--local');
  const before = ours(hooks).map((name) => [name, readFileSync(join(hooks, name), 'utf8')]);
  expect(before).toHaveLength(4);
  expect((await inspectHooks(repo)).filter(({ state }) => state === 'lfs')).toHaveLength(4);
  const report = await installHooks(repo);
  expect(report.every(({ state, chained }) => state === 'ours' && !chained)).toBe(true);
  expect((await installHooks(repo)).every(({ action }) => action === 'none')).toBe(true);
  expect(call(root, 'post-merge', ['0'], '').log).toBe(
    'git-lfs post-merge 0\ngit-theta hook post-merge 0\n',
  );
  expect(call(root, 'pre-push', ['o'], 'x\n').log).toBe('git-theta hook pre-push o\nx\n');
  // Git LFS goes on working beside them.
  run(root, 'lfs', 'track', '*.bin');
  await uninstallHooks(repo);
  expect(ours(hooks).map((name) => [name, readFileSync(join(hooks, name), 'utf8')])).toEqual(
    before,
  );
});

test('a foreign hook is kept, runs first, and its failure counts', async () => {
  const { root, hooks, repo } = await bare();
  const text = '#!/bin/sh\necho "foreign $*" >> foreign.log\ncat >> foreign.log\n';
  write(hooks, 'pre-push', text, 0o755);
  write(hooks, 'pre-commit', '#!/bin/sh\nexit 3\n', 0o755);
  const report = await installHooks(repo);
  expect(report.filter(({ chained }) => chained).map(({ name }) => name)).toEqual([
    'pre-commit',
    'pre-push',
  ]);
  expect((await installHooks(repo)).every(({ action }) => action === 'none')).toBe(true);
  const good = call(root, 'pre-push', ['o', 'u'], 'line without end');
  expect(good).toEqual({ code: 0, log: 'git-theta hook pre-push o u\nline without end' });
  expect(readFileSync(join(root, 'foreign.log'), 'utf8')).toBe('foreign o u\nline without end');
  expect(call(root, 'pre-commit', [], '')).toEqual({ code: 3, log: '' });
  expect((await uninstallHooks(repo)).filter(({ action }) => action === 'restored')).toHaveLength(
    2,
  );
  expect(ours(hooks)).toEqual(['pre-commit', 'pre-push']);
  expect(readFileSync(join(hooks, 'pre-push'), 'utf8')).toBe(text);
});

test('a foreign hook that calls us already is left alone', async () => {
  const { hooks, repo } = await bare();
  write(hooks, 'pre-push', '#!/bin/sh\ngit theta hook pre-push "$@"\nother\n', 0o755);
  write(hooks, 'pre-commit', '#!/bin/sh\n# git theta hook pre-commit "$@"\n', 0o755);
  const report = await installHooks(repo);
  const of = (name: string) => report.find((hook) => hook.name === name);
  expect(of('pre-push')).toMatchObject({
    state: 'foreign',
    action: 'none',
    wired: true,
    chained: false,
  });
  expect(of('pre-commit')).toMatchObject({ state: 'ours', action: 'written', chained: true });
});

test('core.hooksPath outside the git directory is not written to', async () => {
  const { root, repo } = await bare();
  run(root, 'config', 'core.hooksPath', '.husky');
  write(root, '.husky/pre-commit', '#!/bin/sh\nnpm test\ngit theta hook pre-commit "$@"\n', 0o755);
  const report = await installHooks(repo);
  expect(report.every(({ action }) => action === 'outside')).toBe(true);
  expect(report.find(({ name }) => name === 'pre-commit')).toMatchObject({
    state: 'foreign',
    wired: true,
  });
  expect(report.find(({ name }) => name === 'pre-push')).toMatchObject({
    state: 'absent',
    wired: false,
    path: join(root, '.husky/pre-push'),
    line: 'git theta hook pre-push "$@"',
  });
  expect(ours(join(root, '.husky'))).toEqual(['pre-commit']);
  expect((await uninstallHooks(repo)).every(({ action }) => action === 'outside')).toBe(true);
});

test('core.hooksPath inside the git directory is', async () => {
  const { root, repo } = await bare();
  run(root, 'config', 'core.hooksPath', join(root, '.git/my hooks'));
  expect((await installHooks(repo)).every(({ action }) => action === 'written')).toBe(true);
  expect(ours(join(root, '.git/my hooks'))).toHaveLength(6);
});

test('a linked hook is not replaced', async () => {
  const { root, hooks, repo } = await bare();
  mkdirSync(hooks);
  symlinkSync(write(root, 'tools/pre-commit', '#!/bin/sh\n', 0o755), join(hooks, 'pre-commit'));
  const report = await installHooks(repo);
  expect(report[0]).toMatchObject({ name: 'pre-commit', action: 'special', state: 'foreign' });
  expect(lstatSync(join(hooks, 'pre-commit')).isSymbolicLink()).toBe(true);
});

test('linked work trees share the hooks', async () => {
  const { root, hooks } = await bare();
  run(root, 'commit', '-q', '--allow-empty', '-m', 'x');
  const linked = join(folder(), 'linked');
  run(root, 'worktree', 'add', '-q', linked);
  await installHooks(await Repository.discover(linked));
  expect(ours(hooks)).toHaveLength(6);
});

test('without git-theta a commit says so and fails', async () => {
  const { root, repo } = await bare();
  await installHooks(repo);
  const path = process.env.PATH;
  let said = '';
  try {
    execFileSync('git', ['commit', '-q', '--allow-empty', '-m', 'x'], {
      cwd: root,
      stdio: 'pipe',
      env: {
        ...process.env,
        PATH: (path ?? '')
          .split(delimiter)
          .filter((dir) => !existsSync(join(dir, 'git-theta')))
          .join(delimiter),
      },
    });
  } catch (error) {
    said = String((error as { stderr: Buffer }).stderr);
  }
  expect(said).toContain('error: git-theta was not found on your path');
});
