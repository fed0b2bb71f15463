// The test environment itself: a real LFS server works end to end with plain git-lfs, and the
// proxy makes a push fail. Whatever builds on them may then blame git-theta.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gitLfsVersions, gitVersions, type Tool, tmpfs, unprivileged } from '../support/env';
import {
  type FaultyProxy,
  faultyProxy,
  type LfsServer,
  startLfsServer,
} from '../support/lfs-server';
import { fixtures, hashFile, Scratch, type ScratchOptions } from '../support/scratch';

const FILES = ['a.bin', 'b.bin', 'c.bin', 'd.bin'];

let server: LfsServer;
let proxy: FaultyProxy;
let scratch: Scratch;

beforeAll(async () => {
  server = await startLfsServer();
  proxy = await faultyProxy(server);
});

afterAll(async () => {
  await proxy?.stop();
  await server?.stop();
});

afterEach(() => {
  proxy?.heal();
  scratch?.cleanup();
});

/** A repository with LFS files, whose remote is `bare` and whose LFS server is `url`. */
async function lfsRepository(url: string, options: ScratchOptions = {}): Promise<string> {
  scratch = new Scratch(options);
  const bare = await scratch.bare('remote.git');
  await scratch.git('lfs', 'install', '--skip-repo');
  const repo = await scratch.repo('work');
  await scratch.gitIn(repo, 'lfs', 'install', '--local');
  writeFileSync(join(repo, '.lfsconfig'), `[lfs]\n\turl = ${url}\n`);
  await scratch.gitIn(repo, 'lfs', 'track', '*.bin');
  for (const name of FILES) writeFileSync(join(repo, name), randomBytes(200_000));
  await scratch.gitIn(repo, 'add', '.');
  await scratch.gitIn(repo, 'commit', '--quiet', '-m', 'weights');
  await scratch.gitIn(repo, 'remote', 'add', 'origin', bare);
  return repo;
}

const hashes = (dir: string) => Promise.all(FILES.map((name) => hashFile(join(dir, name))));

const pairs: [string, Tool, Tool][] = gitVersions().flatMap((git) =>
  gitLfsVersions().map((lfs): [string, Tool, Tool] => [`${git.name}, ${lfs.name}`, git, lfs]),
);

test.each(pairs)('push and clone through the LFS server: %s', async (name, git, gitLfs) => {
  const repo = await lfsRepository(server.url('org', name.replace(/\W/g, '')), { git, gitLfs });
  const used = `${(await scratch.git('--version')).stdout}${(await scratch.git('lfs', 'version')).stdout}`;
  for (const tool of [git, gitLfs]) expect(used).toContain(tool.name.split(' ')[1]);
  await scratch.gitIn(repo, 'push', '--quiet', 'origin', 'main');
  const oids = await hashes(repo);
  expect(await server.objects()).toEqual(expect.arrayContaining(oids));
  const clone = await scratch.clone(scratch.path('remote.git'), 'clone');
  expect(await hashes(clone)).toEqual(oids);
});

test.each(['error', 'drop'] as const)(
  'a server with %s makes a push fail, then heals',
  async (how) => {
    const repo = await lfsRepository(proxy.url('org', how));
    const before = { passed: proxy.passed, refused: proxy.refused };
    proxy.failAfter(2, how);
    const push = await scratch.run('git', ['push', 'origin', 'main'], { cwd: repo, check: false });
    expect(push.code).not.toBe(0);
    expect(proxy.passed - before.passed).toBe(2);
    expect(proxy.refused - before.refused).toBeGreaterThanOrEqual(1);
    const oids = await hashes(repo);
    const stored = new Set(await server.objects());
    // git-lfs gives up at the first failure; an upload that was still under way may be lost with it.
    expect(oids.filter((oid) => stored.has(oid)).length).toBeLessThanOrEqual(2);
    const refs = await scratch.gitIn('remote.git', 'for-each-ref');
    expect(refs.stdout).toBe('');

    proxy.heal();
    await scratch.gitIn(repo, 'push', '--quiet', 'origin', 'main');
    expect(await server.objects()).toEqual(expect.arrayContaining(oids));
    const clone = await scratch.clone(scratch.path('remote.git'), 'clone');
    expect(await hashes(clone)).toEqual(oids);
  },
);

test('a scratch world has nothing of the user and finds git-theta', async () => {
  scratch = new Scratch();
  const { stdout } = await scratch.git('config', '--list', '--show-origin');
  const origins = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t')[0]);
  expect(new Set(origins)).toEqual(new Set([`file:${join(scratch.home, '.gitconfig')}`]));
  const help = await scratch.git('theta', '--version');
  expect(help.stdout).toMatch(/\d+\.\d+\.\d+/);
  const failing = scratch.run('git', ['rev-parse', 'nothing'], { timeout: 20_000 });
  await expect(failing).rejects.toThrow(/exit code 128, not 0[\s\S]*--- stderr\nfatal: not a git/);
  const sleeping = scratch.run('git', ['-c', 'alias.wait=!sleep 30', 'wait'], { timeout: 300 });
  await expect(sleeping).rejects.toThrow(/killed after/);
});

const user = unprivileged();
(user ? test : test.skip)('file permissions apply to the unprivileged user', async () => {
  scratch = new Scratch();
  const repo = await scratch.repo('work');
  scratch.give(user ?? {});
  const write = async (name: string) =>
    (await scratch.run('touch', [join(repo, name)], { user, check: false })).code;
  expect(await write('before')).toBe(0);
  expect((await scratch.run('chmod', ['555', repo], { user })).code).toBe(0);
  expect(await write('after')).not.toBe(0);
});

const mount = tmpfs(1);
afterAll(() => mount?.cleanup());
(mount ? test : test.skip)('a small file system fills up', () => {
  scratch = new Scratch({ parent: mount?.dir });
  const fill = () => writeFileSync(scratch.path('big'), Buffer.alloc(2 << 20));
  expect(fill).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
});

test('fixtures are files with the names that expected.json uses', () => {
  scratch = new Scratch();
  const names = fixtures().map(({ name }) => name);
  expect(names).toContain('torch/t5ish.pt');
  expect(names).toContain('torch/dcp/__0_0.distcp');
  expect(names.filter((name) => /expected|\.py$/.test(name))).toEqual([]);
});
