/**
 * A scratch folder with a home of its own and real git in it: neither the machine's nor the
 * user's configuration reaches a test.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class Scratch {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'git-theta-test-')));
  readonly home = join(this.root, 'home');
  private readonly saved = { env: { ...process.env }, cwd: process.cwd() };

  constructor() {
    mkdirSync(this.home);
    for (const name of Object.keys(process.env)) {
      if (name.startsWith('GIT_') || name === 'XDG_CONFIG_HOME') delete process.env[name];
    }
    Object.assign(process.env, {
      HOME: this.home,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: join(this.home, '.gitconfig'),
      GIT_AUTHOR_NAME: 'A U Thor',
      GIT_AUTHOR_EMAIL: 'author@example.invalid',
      GIT_COMMITTER_NAME: 'C O Mitter',
      GIT_COMMITTER_EMAIL: 'committer@example.invalid',
      NO_COLOR: '1',
    });
  }

  /** A new repository, which becomes the current folder. */
  repository(name = 'repo'): string {
    const path = join(this.root, name);
    this.git(['init', '-q', '-b', 'main', path], this.root);
    process.chdir(path);
    return path;
  }

  /** Standard output of git; throws when it fails. */
  git(args: string[], cwd = process.cwd()): string {
    // jest gives tests a copy of the environment; a child takes the real one unless told.
    const { env } = process;
    return execFileSync('git', args, {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Whether git succeeds. */
  succeeds(args: string[], cwd = process.cwd()): boolean {
    try {
      this.git(args, cwd);
      return true;
    } catch {
      return false;
    }
  }

  /** Writes a file below the current folder, with its folders. */
  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  /** Puts everything back. */
  dispose(): void {
    process.chdir(this.saved.cwd);
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, this.saved.env);
    rmSync(this.root, { recursive: true, force: true });
  }
}
