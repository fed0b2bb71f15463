// A temporary world for one test: its own HOME and git configuration, nothing of the user's, and
// this checkout's `git-theta` on PATH.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  createReadStream,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, isAbsolute, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CHECKOUT, type Tool, type User } from './env';

const windows = process.platform === 'win32';

export interface ScratchOptions {
  /** The git to use, of `gitVersions()`; default: the one on PATH. */
  git?: Tool | undefined;
  /** The git-lfs to use, of `gitLfsVersions()`; default: the one on PATH. */
  gitLfs?: Tool | undefined;
  /** Where to create the directory; default: the system's temporary directory. */
  parent?: string | undefined;
}

export interface RunOptions {
  /** Default: the scratch directory. */
  cwd?: string | undefined;
  /** Added to the scratch environment; undefined removes a variable. */
  env?: Record<string, string | undefined> | undefined;
  input?: string | Uint8Array | undefined;
  /** The exit code to insist on; `true` (the default) is 0, `false` accepts any. */
  check?: boolean | number | undefined;
  /** Milliseconds until the command and its children are killed; default 100 s. */
  timeout?: number | undefined;
  /** Run as this user, see `unprivileged()` and `Scratch.give`. */
  user?: User | undefined;
}

export interface Result {
  /** 128 + signal number after a signal, as a shell counts. */
  code: number;
  stdout: string;
  stderr: string;
  /** Standard output before decoding. */
  bytes: Buffer;
}

// Few retries: git-lfs doubles its pause with each, up to 36 s for the usual eight.
const CONFIG = `[user]
	name = Test
	email = test@example.invalid
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[safe]
	directory = *
[core]
	autocrlf = false
[gc]
	auto = 0
[advice]
	detachedHead = false
	addEmbeddedRepo = false
	statusHints = false
	addIgnoredFile = false
	resolveConflict = false
	mergeConflict = false
[lfs]
	locksverify = false
[lfs "transfer"]
	maxretries = 2
`;

export class Scratch {
  readonly dir: string;
  readonly home: string;
  /** First on PATH; put stand-ins for programs here with `program()`. */
  readonly bin: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(options: ScratchOptions = {}) {
    this.dir = realpathSync(mkdtempSync(join(options.parent ?? tmpdir(), 'git-theta-test-')));
    this.home = join(this.dir, 'home');
    this.bin = join(this.dir, 'bin');
    mkdirSync(this.home);
    mkdirSync(this.bin);
    const config = join(this.home, '.gitconfig');
    writeFileSync(config, CONFIG);
    for (const name of ['git-theta', 'git-theta-filter']) {
      this.program(name, [process.execPath, join(CHECKOUT, 'bin', `${name}.js`)]);
    }
    // Links, not directories on PATH: the directory of one git holds other programs as well.
    if (options.git) this.choose('git', options.git);
    if (options.gitLfs) this.choose('git-lfs', options.gitLfs);
    // A caller's GIT_DIR (in a hook) or npm's settings must not reach the commands.
    const kept = Object.entries(process.env).filter(([name]) => !/^(GIT_|npm_|XDG_)/i.test(name));
    this.env = {
      ...Object.fromEntries(kept),
      PATH: [this.bin, process.env.PATH].join(delimiter),
      HOME: this.home,
      USERPROFILE: this.home,
      LC_ALL: 'C',
      TZ: 'UTC',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: config,
      GIT_CEILING_DIRECTORIES: this.dir,
      GIT_TERMINAL_PROMPT: '0',
      GIT_EDITOR: 'true',
      GIT_PAGER: 'cat',
    };
  }

  private choose(program: string, { dir }: Tool): void {
    // git for Windows finds its parts relative to its own path.
    if (windows) throw new Error('choosing a version needs symbolic links');
    symlinkSync(join(dir, program), join(this.bin, program));
  }

  /** Puts a program on PATH that runs `argv` with its own arguments appended. */
  program(name: string, argv: string[]): void {
    const quoted = argv.map((word) => `'${word.replaceAll('\\', '/').replaceAll("'", "'\\''")}'`);
    // git runs it through its own sh on Windows, too.
    writeFileSync(join(this.bin, name), `#!/bin/sh\nexec ${quoted.join(' ')} "$@"\n`, {
      mode: 0o755,
    });
  }

  /** Runs a program without a shell. Throws unless it exits as `check` says. */
  run(cmd: string, args: string[] = [], options: RunOptions = {}): Promise<Result> {
    const { cwd = this.dir, check = true, timeout = 240_000, input, user } = options;
    const started = Date.now();
    return new Promise((resolve, reject) => {
      const child = spawn(cmd, args, {
        cwd,
        env: { ...this.env, ...options.env },
        // A group of its own, so that the time-out also reaches filters and servers below it.
        detached: !windows,
        ...user,
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (data: Buffer) => out.push(data));
      child.stderr.on('data', (data: Buffer) => err.push(data));
      const timer = setTimeout(() => {
        err.push(Buffer.from(`\n[killed after ${Date.now() - started} ms]\n`));
        if (windows || child.pid === undefined) child.kill('SIGKILL');
        else process.kill(-child.pid, 'SIGKILL');
      }, timeout);
      child.on('error', (error) => {
        clearTimeout(timer);
        reject(new Error(`${cmd}: ${error.message}`));
      });
      child.on('close', (status, signal) => {
        clearTimeout(timer);
        const code = status ?? 128 + (signal ? constants.signals[signal] : 0);
        const bytes = Buffer.concat(out);
        const [stdout, stderr] = [bytes.toString(), Buffer.concat(err).toString()];
        const wanted = check === true ? 0 : check;
        if (wanted === false || code === wanted) {
          resolve({ code, stdout, stderr, bytes });
          return;
        }
        const said = `--- stdout\n${stdout.slice(-8000)}\n--- stderr\n${stderr.slice(-8000)}`;
        const command = [cmd, ...args].join(' ');
        reject(new Error(`${command}\nin ${cwd}: exit code ${code}, not ${wanted}\n${said}`));
      });
      // A command may end without reading its input.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  }

  /** `git` in the scratch directory. */
  git(...args: string[]): Promise<Result> {
    return this.run('git', args);
  }

  /** `git` in `dir` (absolute, or below the scratch directory). */
  gitIn(dir: string, ...args: string[]): Promise<Result> {
    return this.run('git', args, { cwd: this.path(dir) });
  }

  /** A path below the scratch directory, unless it is absolute already. */
  path(...names: string[]): string {
    const [first = ''] = names;
    return isAbsolute(first) ? join(...names) : join(this.dir, ...names);
  }

  /** Creates a repository and returns its path. */
  async repo(name: string): Promise<string> {
    await this.git('init', '--quiet', this.path(name));
    return this.path(name);
  }

  /** Creates a bare repository and returns its path. */
  async bare(name: string): Promise<string> {
    await this.git('init', '--quiet', '--bare', this.path(name));
    return this.path(name);
  }

  /** Clones and returns the path of the clone. */
  async clone(url: string, name: string, ...args: string[]): Promise<string> {
    await this.git('clone', '--quiet', ...args, url, this.path(name));
    return this.path(name);
  }

  /** Hands everything in the scratch directory to `user`, who then can work there. */
  give(user: User): void {
    const { uid, gid } = user;
    if (uid === undefined || gid === undefined) return;
    chownSync(this.dir, uid, gid);
    for (const entry of readdirSync(this.dir, { recursive: true, withFileTypes: true })) {
      lchownSync(join(entry.parentPath, entry.name), uid, gid);
    }
  }

  cleanup(): void {
    const remove = () => rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
    try {
      remove();
    } catch {
      // A test made a folder read-only.
      makeWritable(this.dir);
      remove();
    }
  }
}

function makeWritable(dir: string): void {
  chmodSync(dir, 0o700);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(dir, entry.name));
  }
}

/** The sha256 of a file, in hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

export interface Fixture {
  /** Relative to the fixtures, with forward slashes: the key in expected.json. */
  name: string;
  path: string;
}

export const FIXTURES = join(CHECKOUT, '__test__', 'fixtures');

/** All checkpoint files (and the files beside them) among the fixtures, sorted by name. */
export function fixtures(): Fixture[] {
  return readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(FIXTURES, path).split(sep).join('/'), path }))
    .filter(({ name }) => !/^(expected|weights_only)\.json$|^generate\//.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
