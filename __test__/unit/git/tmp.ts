/** Temporary folders and repositories, untouched by the configuration of the machine. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const folders: string[] = [];
const home = folder();

process.env.HOME = home;
process.env.GIT_CONFIG_NOSYSTEM = '1';
process.env.GIT_CONFIG_GLOBAL = join(home, '.gitconfig');
process.env.GIT_LFS_SKIP_SMUDGE = '0';
writeFileSync(
  process.env.GIT_CONFIG_GLOBAL,
  '[user]\n\tname = A\n\temail = a@example.com\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n',
);

afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** A new folder, removed after the tests of the file. */
export function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'git-theta-test-')));
  folders.push(path);
  return path;
}

/** Runs git with the test's own configuration; its output. */
export function run(cwd: string, ...args: string[]): string {
  // Jest gives a test an environment of its own, which children do not see by themselves.
  const env = process.env;
  return execFileSync('git', args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A new repository. */
export function repository(...args: string[]): string {
  const path = join(folder(), 'work tree');
  mkdirSync(path);
  run(path, 'init', '-q', ...args);
  return path;
}

/** Writes a file with its folders. */
export function write(
  root: string,
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, { mode });
  return file;
}
