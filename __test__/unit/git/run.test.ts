import { join } from 'node:path';
import { isThetaError } from '../../../src/errors';
import { gitFailed } from '../../../src/git/child';
import {
  getAllConfig,
  getConfig,
  removeSection,
  setConfig,
  unsetConfig,
} from '../../../src/git/config';
import { GitProcess, git, gitSync } from '../../../src/git/run';
import { parseVersion } from '../../../src/git/version';
import { folder, repository, run } from './tmp';

async function failure(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isThetaError(error)) throw error ?? new Error('it worked');
  return error;
}

test('output, input and exit code', async () => {
  const cwd = repository();
  const big = Buffer.alloc(3_000_000, 'x');
  const { stdout } = await git(['hash-object', '--stdin'], { cwd, input: big });
  expect(stdout).toMatch(/^[0-9a-f]{40}\n$/);
  expect(gitSync(['hash-object', '--stdin'], { cwd, input: big }).stdout).toBe(stdout);
  expect((await git(['rev-parse', '-q', '--verify', 'x'], { cwd, check: false })).code).toBe(1);
  const raw = await git(['version'], { cwd, encoding: 'buffer' });
  expect(Buffer.isBuffer(raw.stdout)).toBe(true);
});

test("failures carry git's words, and names are never taken for a shell's", async () => {
  const cwd = repository();
  const error = await failure(git(['rev-parse', '--verify', '$(touch x); y'], { cwd }));
  expect(error.code).toBe('ERR_THETA_GIT_FAILED');
  expect(error.message).toMatch(
    /^git rev-parse failed: .*(Needed a single revision|bad revision)/i,
  );
  expect(() => gitSync(['no-such-command'], { cwd })).toThrow('git no-such-command failed');
});

test('a git that cannot be started', async () => {
  const error = await failure(git(['version'], { cwd: join(folder(), 'absent') }));
  expect(error.code).toBe('ERR_THETA_GIT_MISSING');
});

test('a child that does not read its input is judged by its exit code', async () => {
  const cwd = repository();
  const input = Buffer.alloc(10_000_000);
  expect((await git(['version'], { cwd, input })).code).toBe(0);
});

test('cancelled', async () => {
  const controller = new AbortController();
  const promise = git(['cat-file', '--batch'], { cwd: repository(), signal: controller.signal });
  controller.abort();
  expect((await failure(promise)).code).toBe('ERR_THETA_CANCELLED');
});

test('a long-running child answers line by line and byte by byte', async () => {
  const cwd = repository();
  const content = 'a\nb\0c'.repeat(100_000);
  const oid = (await git(['hash-object', '-w', '--stdin'], { cwd, input: content })).stdout.trim();
  const child = new GitProcess(['cat-file', '--batch'], { cwd });
  for (let round = 0; round < 2; round++) {
    await child.write(`${oid}\n`);
    expect(await child.readLine()).toBe(`${oid} blob ${content.length}`);
    expect((await child.read(content.length)).toString()).toBe(content);
    await child.read(1);
  }
  expect((await child.end()).code).toBe(0);
  const short = new GitProcess(['version'], { cwd });
  expect((await failure(short.read(10_000))).code).toBe('ERR_THETA_GIT_FAILED');
  const absent = new GitProcess(['version'], { cwd: join(cwd, 'absent') });
  expect((await failure(absent.readLine())).code).toBe('ERR_THETA_GIT_MISSING');
});

test('what git, or a filter below it, advises is passed on', () => {
  const said =
    "error: m.pt was changed\nhint: Wait until it is at rest.\nerror: clean filter 'theta' failed\n";
  const error = gitFailed(['-c', 'a.b=c', 'update-index', '-z'], 128, said);
  expect(error.message).toBe(
    "git update-index failed: m.pt was changed; clean filter 'theta' failed",
  );
  expect(error.hint).toBe('Wait until it is at rest.');
  expect(gitFailed(['status'], 1, '').hint).toBeUndefined();
});

test('versions', () => {
  expect(parseVersion('git version 2.39.5 (Apple Git-154)')).toMatchObject({
    major: 2,
    minor: 39,
    patch: 5,
  });
  expect(parseVersion('git version 2.47.3.windows.1')?.text).toBe('2.47.3.windows.1');
  expect(parseVersion('git-lfs/3.3.0 (GitHub; linux amd64; go 1.19.8)')?.minor).toBe(3);
  expect(parseVersion('none')).toBeNull();
});

test('configuration', async () => {
  const cwd = repository();
  const o = { cwd };
  expect(await getConfig('filter.theta.clean', o)).toBeNull();
  expect(await setConfig('filter.theta.clean', 'x "%f"\n;y', o)).toBe(true);
  expect(await setConfig('filter.theta.clean', 'x "%f"\n;y', o)).toBe(false);
  expect(await getConfig('filter.theta.clean', o)).toBe('x "%f"\n;y');
  run(cwd, 'config', '--add', 'filter.theta.clean', 'second');
  expect(await getAllConfig('filter.theta.clean', o)).toEqual(['x "%f"\n;y', 'second']);
  expect(await setConfig('filter.theta.clean', 'one', o)).toBe(true);
  expect(await getAllConfig('filter.theta.clean', o)).toEqual(['one']);
  expect(await unsetConfig('filter.theta.clean', o)).toBe(true);
  expect(await unsetConfig('filter.theta.clean', o)).toBe(false);
  await setConfig('filter.thetaX.clean', 'kept', o);
  await setConfig('filter.theta.smudge', 'gone', o);
  expect(await removeSection('filter.theta', o)).toBe(true);
  expect(await removeSection('filter.theta', o)).toBe(false);
  expect(await getConfig('filter.thetaX.clean', o)).toBe('kept');
  run(cwd, 'config', 'theta.flag', 'yes');
  expect(await getConfig('theta.flag', { ...o, type: 'bool' })).toBe('true');
  run(cwd, 'config', 'theta.limit', '2k');
  expect(await getConfig('theta.limit', { ...o, type: 'int' })).toBe('2048');
  const file = join(folder(), 'config');
  expect(await setConfig('a.b', 'c', { scope: { file } })).toBe(true);
  expect(await getConfig('a.b', { scope: { file } })).toBe('c');
  expect((await failure(getConfig('theta.flag', { ...o, type: 'int' }))).code).toBe(
    'ERR_THETA_GIT_FAILED',
  );
  expect((await failure(setConfig('nodot', 'x', o))).code).toBe('ERR_THETA_GIT_FAILED');
});
