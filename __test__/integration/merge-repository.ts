// Repositories of checkpoints that do not exist: manifests and pointers are committed as they are, there are no filters,
// and git merges them with the real drivers.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { thetaValues } from '../../src/config/values';
import { printPointer } from '../../src/lfs/pointer';
import { type Manifest, parseManifest, printManifest } from '../../src/manifest';
import { STORE_ATTRIBUTES } from '../../src/store/attributes';
import { storeFiles, storeRoot } from '../../src/store/paths';

const CLI = resolve(__dirname, '../../bin/git-theta.js');
const BUILT = resolve(__dirname, '../../dist/merge/driver.js');

/** A model's manifest, a file's text, or null for one that is gone. */
export type Content = Manifest | string | null;

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RepositoryOptions {
  /** The git to run. */
  git?: string;
  objectFormat?: 'sha256';
}

const ATTRIBUTES = '*.pt filter=theta merge=theta -text\n';

export class MergeRepository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'git-theta-merge-')));
  readonly dir = join(this.root, 'repo');
  readonly env: NodeJS.ProcessEnv;
  private clock = 1_700_000_000;

  constructor(options: RepositoryOptions = {}) {
    if (!existsSync(BUILT)) throw new Error('not built; run: npm run build');
    const config = join(this.root, 'gitconfig');
    const kept = Object.entries(process.env).filter(([name]) => !/^(GIT_|XDG_)/.test(name));
    this.env = {
      ...Object.fromEntries(kept),
      HOME: this.root,
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: config,
      GIT_EDITOR: ':',
    };
    if (options.git) {
      // A folder with nothing else in it: children of ours take the same git.
      const bin = join(this.root, 'bin');
      mkdirSync(bin);
      writeFileSync(join(bin, 'git'), `#!/bin/sh\nexec ${options.git} "$@"\n`, { mode: 0o755 });
      this.env.PATH = `${bin}:${this.env.PATH}`;
    }
    writeFileSync(config, '[user]\nname = Test\nemail = test@example.invalid\n');
    const format = options.objectFormat ? [`--object-format=${options.objectFormat}`] : [];
    mkdirSync(this.dir);
    this.git('init', '-q', '-b', 'main', ...format);
    for (const { key, value } of thetaValues({ absolute: true })) {
      if (key.startsWith('merge.')) this.git('config', key, value);
    }
    // The driver itself merges the ancestors of histories that cross.
    this.git('config', 'merge.theta.recursive', 'theta');
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Runs git; throws when it fails. */
  git(...args: string[]): string {
    const { env, dir: cwd } = this;
    return execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
  }

  /** Runs git and tells how it went. */
  try(args: string[], cwd = this.dir): Outcome {
    const { status, stdout, stderr } = spawnSync('git', args, {
      cwd,
      env: this.env,
      encoding: 'utf8',
    });
    return { code: status ?? -1, stdout, stderr };
  }

  /** Runs `git theta`. */
  theta(...args: string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
      cwd: this.dir,
      env: this.env,
      encoding: 'utf8',
    });
    return { code: status ?? -1, stdout, stderr };
  }

  /**
   * Commits to a branch, which starts at `from` when it is new. Models get their stores, other files their text; the work
   * tree is not touched.
   */
  commit(branch: string, contents: Record<string, Content>, from?: string): string {
    const lines: (string | Buffer)[] = [];
    const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
    const start = from ?? (this.try(['rev-parse', '-q', '--verify', branch]).code === 0 && branch);
    lines.push(
      `commit refs/heads/${branch}\ncommitter T <t@example.invalid> ${this.clock++} +0000\n`,
    );
    lines.push(data(`${branch} ${this.clock}`));
    if (start) lines.push(`from ${this.git('rev-parse', start).trim()}\n`);
    const file = (path: string, text: string) =>
      lines.push(`M 100644 inline ${JSON.stringify(path)}\n${data(text)}`);
    file('.gitattributes', ATTRIBUTES);
    file('.git_theta/.gitattributes', STORE_ATTRIBUTES);
    for (const [path, content] of Object.entries(contents)) {
      lines.push(`D ${JSON.stringify(path)}\nD ${JSON.stringify(storeRoot(path))}\n`);
      if (content === null) continue;
      if (typeof content === 'string') {
        file(path, content);
        continue;
      }
      file(path, printManifest(content));
      for (const entry of storeFiles(content, path)) file(entry.path, printPointer(entry));
    }
    const { env, dir: cwd } = this;
    execFileSync('git', ['fast-import', '--quiet', '--force'], { cwd, env, input: lines.join('') });
    return this.git('rev-parse', branch).trim();
  }

  /** `main` with `base`, and two branches on it; ours is checked out. */
  fork(
    base: Record<string, Content>,
    ours: Record<string, Content>,
    theirs: Record<string, Content>,
  ): void {
    this.commit('main', base);
    this.commit('ours', ours, 'main');
    this.commit('theirs', theirs, 'main');
    this.git('switch', '-q', '-f', 'ours');
  }

  /** The manifest of a model in a tree (`''`: in the index). */
  manifest(path: string, rev = 'HEAD'): Manifest {
    return parseManifest(this.git('cat-file', 'blob', `${rev}:${path}`));
  }

  /** Store files that differ from what the manifest says: `path: is, should be`. */
  storeErrors(path: string, rev = 'HEAD'): string[] {
    const listing =
      rev === ''
        ? this.git('ls-files', '-z', '-s', '--', storeRoot(path))
        : this.git('ls-tree', '-r', '-z', rev, '--', `${storeRoot(path)}/`);
    const found = new Map<string, string>();
    for (const line of listing.split('\0')) {
      if (line === '') continue;
      const [head = '', file = ''] = line.split('\t');
      const fields = head.split(' ');
      found.set(file, (rev === '' ? fields[1] : fields[2]) ?? '');
    }
    const errors: string[] = [];
    const gone = this.try(['cat-file', '-e', `${rev}:${path}`]).code !== 0;
    const wanted = gone ? [] : storeFiles(this.manifest(path, rev), path);
    const oids = this.blobs(wanted.map(printPointer));
    wanted.forEach((entry, at) => {
      const is = found.get(entry.path);
      found.delete(entry.path);
      if (is !== oids[at]) errors.push(`${entry.path}: ${is ?? 'missing'}`);
    });
    for (const file of found.keys()) errors.push(`${file}: too much`);
    return errors;
  }

  /** Names of blobs with these contents, all of one length or not. */
  private blobs(texts: string[]): string[] {
    if (texts.length === 0) return [];
    const folder = mkdtempSync(join(this.root, 'blobs-'));
    const files = texts.map((text, at) => {
      writeFileSync(join(folder, `${at}`), text);
      return join(folder, `${at}`);
    });
    const oids = execFileSync('git', ['hash-object', '--no-filters', '--stdin-paths'], {
      cwd: this.dir,
      env: this.env,
      input: `${files.join('\n')}\n`,
      encoding: 'utf8',
    });
    return oids.trim().split('\n');
  }

  /** Unmerged paths. */
  unmerged(): string[] {
    const names = this.git('diff', '--name-only', '--diff-filter=U', '-z').split('\0');
    return [...new Set(names.filter((name) => name !== ''))];
  }

  /** Everything that `merge --abort` has to bring back. */
  snapshot(): string {
    return [
      this.git('rev-parse', 'HEAD'),
      this.git('ls-files', '-s'),
      this.git('status', '--porcelain', '--ignored'),
      this.git('diff', 'HEAD', '--no-ext-diff'),
    ].join('\n');
  }
}
