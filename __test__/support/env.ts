// What this machine offers to the tests: the parts that scripts/test-setup.js brought, the git and
// git-lfs versions on it, and the privileges some tests need. A test that lacks an optional part
// is skipped visibly: `const torch = torchPython(); (torch ? test : test.skip)(…)`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

export const CHECKOUT = resolve(__dirname, '../..');
export const TEST_ENV = join(CHECKOUT, '.test-env');

const windows = process.platform === 'win32';

interface Parts {
  python?: string;
  zarrs?: string;
  torchPython?: string;
  gitLfs?: string;
}

let recorded: Parts | undefined;

function parts(): Parts {
  recorded ??= ((): Parts => {
    const path = join(TEST_ENV, 'parts.json');
    if (!existsSync(path)) throw new Error('no test environment; run: npm run test:setup');
    return JSON.parse(readFileSync(path, 'utf8')) as Parts;
  })();
  return recorded;
}

/** The Python that has zarr, tensorstore, ml_dtypes, safetensors and the LFS server. */
export function python(): string | undefined {
  return parts().python;
}

/** The reader that is built on zarrs, see native/interop. */
export function zarrsReader(): string | undefined {
  return parts().zarrs;
}

/** A Python that imports torch. */
export function torchPython(): string | undefined {
  return parts().torchPython;
}

/** A Python whose torch loads with weights_only by default: 2.6 or newer. */
export function newTorchPython(): string | undefined {
  const test = 'import torch; assert tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 6)';
  const known = [process.env.GIT_THETA_TEST_TORCH, torchPython()];
  return known.find((name) => name && answer(name, '-c', test) !== undefined);
}

/** A Python that imports a module which is no part of the test environment, such as onnx or gguf. */
export function pythonWith(module: string): string | undefined {
  const known = [process.env.GIT_THETA_TEST_READERS, python(), torchPython()];
  return known.find((name) => name && answer(name, '-c', `import ${module}`) !== undefined);
}

/** A Python that imports model_signing, the reference implementation of OpenSSF Model Signing. */
export function modelSigningPython(): string | undefined {
  const known = [process.env.GIT_THETA_TEST_MODEL_SIGNING, python()];
  return known.find((name) => name && answer(name, '-c', 'import model_signing') !== undefined);
}

/** One version of a program: `dir` holds the binary. */
export interface Tool {
  name: string;
  dir: string;
}

/** What a program prints, or undefined when it cannot be run or fails. */
function answer(file: string, ...args: string[]): string | undefined {
  const done = spawnSync(file, args, { encoding: 'utf8' });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

/** The distinct versions of `program` in `dirs`, in that order. */
function versions(program: string, arg: string, dirs: string[]): Tool[] {
  const found = new Map<string, Tool>();
  const seen = new Set<string>();
  for (const dir of dirs) {
    const file = join(dir, windows ? `${program}.exe` : program);
    if (!existsSync(file) || seen.has(realpathSync(file))) continue;
    seen.add(realpathSync(file));
    const name = answer(file, arg)?.match(/\d+(\.\d+)+/)?.[0];
    if (name && !found.has(name)) found.set(name, { name: `${program} ${name}`, dir });
  }
  return [...found.values()];
}

const pathDirs = () => (process.env.PATH ?? '').split(delimiter).filter(Boolean);

let gits: Tool[] | undefined;
let lfses: Tool[] | undefined;

/** The git versions on this machine; the first is the one on PATH. */
export function gitVersions(): Tool[] {
  const usual = windows ? [] : ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  gits ??= versions('git', '--version', [...pathDirs(), ...usual]);
  return gits;
}

/** The git-lfs versions here: the installed one, then the current one of the test environment. */
export function gitLfsVersions(): Tool[] {
  const { gitLfs } = parts();
  lfses ??= versions('git-lfs', 'version', [...pathDirs(), ...(gitLfs ? [dirname(gitLfs)] : [])]);
  return lfses;
}

export interface Mount {
  dir: string;
  cleanup(): void;
}

/**
 * A file system of `sizeMb` megabytes, to fill up. Needs Linux and root; undefined otherwise.
 * Call `cleanup` in `afterAll` or `finally`.
 */
export function tmpfs(sizeMb: number): Mount | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'git-theta-tmpfs-')));
  const options = `size=${sizeMb}m,mode=1777`;
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'git-theta-test', dir]);
  if (done.status !== 0) {
    // Root of a container need not be allowed to mount.
    rmSync(dir, { recursive: true });
    return undefined;
  }
  const cleanup = () => {
    // Lazily: a process that a failed test left behind must not keep the mount.
    spawnSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
  };
  return { dir, cleanup };
}

/** User and group to spawn a command as; empty when the tests do not run as root anyway. */
export interface User {
  uid?: number;
  gid?: number;
}

/**
 * A user that file permissions apply to, for tests of read-only folders: root passes them
 * vacuously. Undefined where there is none, or where it cannot read this checkout.
 */
export function unprivileged(): User | undefined {
  if (windows) return undefined;
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = [answer('id', '-u', 'nobody'), answer('id', '-g', 'nobody')].map(Number);
  if (!uid || !gid) return undefined;
  const probe = 'require("node:fs").accessSync(process.argv[1])';
  const file = join(CHECKOUT, 'package.json');
  const done = spawnSync(process.execPath, ['-e', probe, file], { uid, gid, cwd: '/' });
  return done.status === 0 ? { uid, gid } : undefined;
}
