// A full disk and folders that may not be written: the command says so, nothing is lost, and it
// works once there is room.
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Mount, tmpfs, unprivileged } from '../support/env';
import { type Result, Scratch } from '../support/scratch';
import { checkpoint, composed, manifest, temporaries, tensors, unlock } from './lost-world';
import { ModelRepository, safetensors, sha256 } from './road-model';

const MODEL = 'model.safetensors';
const probe = tmpfs(4);
probe?.cleanup();
const user = unprivileged();

/** One `error:` line that matches, one hint, and the exit code of a fatal error. */
function refused({ code, stderr }: Result, why: RegExp, expected = 128): void {
  expect(stderr).toMatch(why);
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(stderr.match(/^hint: /gm)).toHaveLength(1);
  expect(code).toBe(expected);
}

(probe ? describe : describe.skip)('a full disk', () => {
  const FULL = /^error: .*(no space left|out of diskspace)/im;
  let mount: Mount;
  let repo: ModelRepository;
  let first: Buffer;
  let second: Buffer;
  let filler: string;

  beforeEach(async () => {
    mount = tmpfs(40) as Mount;
    filler = join(mount.dir, 'filler');
    repo = await ModelRepository.create(new Scratch({ parent: mount.dir }));
    await repo.theta('track', MODEL);
    first = await repo.commit(MODEL, checkpoint(1, 4, 131_072));
    second = await repo.commit(MODEL, checkpoint(2, 4, 131_072));
  });

  afterEach(() => mount.cleanup());

  /** Leaves so many bytes. */
  function fill(left: number): void {
    rmSync(filler, { force: true });
    const { bavail, bsize } = statfsSync(mount.dir);
    writeFileSync(filler, Buffer.alloc(bavail * bsize - left));
  }

  const index = async () => (await repo.git('ls-files', '-s')).stdout;

  /** Both versions that were committed can be put together, and the index reads as before. */
  async function nothingLost(entries: string): Promise<void> {
    unlock(repo);
    expect(await index()).toBe(entries);
    for (const [rev, content] of [
      ['HEAD~1', first],
      ['HEAD', second],
    ] as const) {
      expect(composed(repo, await manifest(repo, rev, MODEL))).toBe(sha256(content));
    }
  }

  test.each([['theta', 'add'], ['add']])('git %s %s', async (...command) => {
    const content = checkpoint(3, 4, 524_288);
    repo.write(MODEL, content);
    const entries = await index();
    for (const left of [3 << 20, 0]) {
      fill(left);
      refused(await repo.try(...command, MODEL), FULL);
      await nothingLost(entries);
      expect(repo.read(MODEL).equals(content)).toBe(true);
    }
    rmSync(filler);
    expect(temporaries(repo)).toEqual([]);
    await repo.git(...command, MODEL);
    await repo.git('commit', '--quiet', '-m', 'third');
    expect(composed(repo, await manifest(repo, 'HEAD', MODEL))).toBe(sha256(content));
    await repo.sound();
  });

  test('git theta add at every point where the last bytes may go', async () => {
    const changed = {
      ...tensors(2, 4, 131_072),
      'layer.1.weight': tensors(5, 1, 8192)['layer.0.weight'] as Float32Array,
    };
    const content = safetensors(changed);
    repo.write(MODEL, content);
    let failures = 0;
    for (let left = 4096; left <= 30 * 4096; left += 5 * 4096) {
      await repo.git('reset', '--quiet');
      fill(left);
      const result = await repo.try('theta', 'add', MODEL);
      unlock(repo);
      if (result.code !== 0) {
        refused(result, FULL);
        failures++;
      }
      rmSync(filler);
      expect(repo.read(MODEL).equals(content)).toBe(true);
      // Whatever the index says of the model by now is a whole version.
      const staged = composed(repo, await manifest(repo, '', MODEL));
      expect([sha256(second), sha256(content)]).toContain(staged);
      expect((await repo.theta('fsck', '--json')).code).toBe(0);
    }
    expect(failures).toBeGreaterThan(2);
    await repo.theta('add', MODEL);
    await repo.git('commit', '--quiet', '-m', 'third');
    expect(composed(repo, await manifest(repo, 'HEAD', MODEL))).toBe(sha256(content));
    await repo.sound();
  });

  test('git theta checkout', async () => {
    await repo.git('config', 'theta.smudgeLimit', '1k');
    await repo.git('-c', 'core.hooksPath=/nowhere', 'checkout', '--quiet', 'HEAD~1');
    const text = repo.read(MODEL);
    const entries = await index();
    fill(1 << 20);
    refused(await repo.try('theta', 'checkout', MODEL), FULL);
    expect(repo.read(MODEL).equals(text)).toBe(true);
    expect(await index()).toBe(entries);
    rmSync(filler);
    expect(await repo.status()).toEqual([]);
    await repo.theta('checkout', MODEL);
    expect(repo.read(MODEL).equals(first)).toBe(true);
    expect(await repo.status()).toEqual([]);
    await repo.sound();
  });

  test('git checkout', async () => {
    await repo.git('config', 'theta.smudgeLimit', '1k');
    // Room for what git and git-lfs write, but not for the checkpoint.
    rmSync(repo.path(MODEL));
    fill(1 << 20);
    const failed = await repo.try('checkout', '--', MODEL);
    expect(failed.stderr).toMatch(FULL);
    expect(failed.stderr).toMatch(/^hint: /m);
    expect(failed.code).not.toBe(0);
    expect(repo.read(MODEL).toString()).toBe(await manifest(repo, 'HEAD', MODEL));
    rmSync(filler);
    await repo.theta('checkout', MODEL);
    expect(repo.read(MODEL).equals(second)).toBe(true);
    expect(await repo.status()).toEqual([]);
  });
});

(user ? describe : describe.skip)('folders that may not be written', () => {
  const DENIED = /^error: .*permission denied/im;
  let repo: ModelRepository;
  let content: Buffer;
  const locked: string[] = [];

  beforeEach(async () => {
    repo = await ModelRepository.create();
    await repo.theta('track', 'models/*.safetensors');
    repo.write(`models/${MODEL}`, checkpoint(1, 2, 4096));
    await repo.theta('add', '.');
    await repo.git('commit', '--quiet', '-m', 'one');
    content = checkpoint(2, 2, 4096);
    repo.write(`models/${MODEL}`, content);
    await repo.theta('add', '.');
    await repo.git('commit', '--quiet', '-m', 'two');
    if (user) repo.scratch.give(user);
  });

  afterEach(() => {
    for (const path of locked.splice(0)) chmodSync(path, 0o755);
    repo.scratch.cleanup();
  });

  function lock(...names: string[]): void {
    for (const name of names) {
      const path = repo.path(name);
      if (!existsSync(path)) continue;
      chmodSync(path, 0o555);
      locked.push(path);
    }
  }

  const as = (...args: string[]) =>
    repo.scratch.run('git', args, { cwd: repo.dir, check: false, user });

  function change(): Buffer {
    const other = checkpoint(3, 2, 4096);
    const path = repo.path('models', MODEL);
    writeFileSync(path, other);
    utimesSync(path, 1_800_000_000, 1_800_000_000);
    return other;
  }

  test.each([['theta', 'add'], ['add']])('objects: git %s %s', async (...command) => {
    const other = change();
    const { stdout } = await repo.git('ls-files', '-s');
    // git-lfs's folders: none of its objects can be placed.
    await repo.scratch.run('chmod', ['-R', 'a-w', repo.path('.git/lfs')]);
    const failed = await as(...command, `models/${MODEL}`);
    const asked = [await as('status', '--', 'models'), await as('theta', 'status')];
    await repo.scratch.run('chmod', ['-R', 'u+w', repo.path('.git/lfs')]);
    for (const answer of asked) refused(answer, DENIED);
    refused(failed, DENIED);
    expect(failed.stderr).toContain(repo.path('.git/lfs/objects'));
    expect((await repo.git('ls-files', '-s')).stdout).toBe(stdout);
    expect(readFileSync(repo.path('models', MODEL)).equals(other)).toBe(true);
    expect((await as(...command, `models/${MODEL}`)).code).toBe(0);
    expect((await as('commit', '--quiet', '-m', 'three')).code).toBe(0);
    expect((await as('theta', 'fsck')).code).toBe(0);
  });

  test('the git directory', async () => {
    change();
    lock('.git', '.git/theta', '.git/theta/tmp', '.git/objects');
    refused(await as('theta', 'add', `models/${MODEL}`), DENIED);
    const plain = await as('add', `models/${MODEL}`);
    expect(plain.code).toBe(128);
    expect(plain.stderr).toMatch(/permission denied/i);
    // Looking is allowed.
    expect((await as('theta', 'fsck')).code).toBe(0);
    expect((await as('theta', 'ls-files')).stdout).toContain(MODEL);
  });

  test('all of the repository', async () => {
    const path = `models/${MODEL}`;
    // The files have a new owner: git looks at them once.
    expect((await as('status', '--porcelain')).stdout).toBe('');
    const other = change();
    const all = () => readdirSync(repo.dir, { recursive: true, encoding: 'utf8' }).sort();
    const files = all();
    const folders = files.filter((name) => lstatSync(repo.path(name)).isDirectory());
    lock('.', ...folders);
    const temp = repo.scratch.path('temporary');
    mkdirSync(temp);
    if (user?.uid && user.gid) chownSync(temp, user.uid, user.gid);
    repo.scratch.env.TMPDIR = temp;

    expect(await as('status', '--porcelain')).toMatchObject({ code: 0, stdout: ` M ${path}\n` });
    const modified = `${path}: modified, not staged (2 tensors changed)\n`;
    expect(await as('theta', 'status')).toMatchObject({ code: 0, stdout: modified });
    expect((await as('diff', '--', path)).stdout.match(/^[+-]\{"tensor"/gm)).toHaveLength(4);
    expect((await as('theta', 'add', '--dry-run', path)).stdout).toContain('2 changed');
    refused(await as('theta', 'add', path), DENIED);
    expect((await as('add', path)).stderr).toMatch(/^fatal: .*permission denied/im);
    expect(all()).toEqual(files);
    expect(readdirSync(temp)).toEqual([]);

    for (const name of locked.splice(0)) chmodSync(name, 0o755);
    expect((await as('add', path)).code).toBe(0);
    expect((await as('commit', '--quiet', '-m', 'three')).code).toBe(0);
    expect(composed(repo, await manifest(repo, 'HEAD', path))).toBe(sha256(other));
    expect((await as('theta', 'fsck')).code).toBe(0);
  });

  test('the folder of the model', async () => {
    rmSync(repo.path('models', MODEL));
    lock('models');
    const failed = await as('theta', 'checkout', `models/${MODEL}`);
    refused(failed, DENIED);
    expect(failed.stderr).toContain('models');
    chmodSync(repo.path('models'), 0o755);
    expect((await as('theta', 'checkout', `models/${MODEL}`)).code).toBe(0);
    expect(readFileSync(repo.path('models', MODEL)).equals(content)).toBe(true);
  });

  test('the store in the work tree', async () => {
    change();
    await repo.scratch.run('chmod', ['-R', 'a-w', repo.path('.git_theta')]);
    const failed = await as('theta', 'add', `models/${MODEL}`);
    await repo.scratch.run('chmod', ['-R', 'u+w', repo.path('.git_theta')]);
    refused(failed, DENIED);
    expect(failed.stderr).toContain('.git_theta/models');
    expect((await as('theta', 'add', `models/${MODEL}`)).code).toBe(0);
    expect((await as('commit', '--quiet', '-m', 'three')).code).toBe(0);
    expect((await as('theta', 'fsck')).code).toBe(0);
  });
});
