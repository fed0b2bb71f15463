// git-lfs deletes and checks objects by its own rules; whatever it deletes can be had again, and
// what is nowhere else stays.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { python } from '../support/env';
import { type LfsServer, startLfsServer } from '../support/lfs-server';
import { Scratch } from '../support/scratch';
import {
  checkpoint,
  composed,
  corrupt,
  manifest,
  objectIds,
  pointedAt,
  tensors,
} from './lost-world';
import { ModelRepository, safetensors, sha256 } from './road-model';

const MODEL = 'model.safetensors';
const NOWHERE = 'http://127.0.0.1:1/none';

(python() ? describe : describe.skip)('after pruning', () => {
  let server: LfsServer;
  let scratch: Scratch;
  let repo: ModelRepository;
  let versions: [commit: string, content: Buffer][];
  let number = 0;

  beforeAll(async () => {
    server = await startLfsServer();
  });

  afterAll(() => server?.stop());

  beforeEach(async () => {
    scratch = new Scratch();
    repo = await ModelRepository.create(scratch);
    await repo.git('remote', 'add', 'origin', `file://${await scratch.bare('remote.git')}`);
    await repo.git('config', 'lfs.url', server.url('org', `prune${number++}`));
    for (const key of ['pruneoffsetdays', 'fetchrecentrefsdays', 'fetchrecentcommitsdays']) {
      await repo.git('config', `lfs.${key}`, '0');
    }
    await repo.theta('track', MODEL);
    versions = [];
    await committed(() => repo.git('commit', '--quiet', '-m', 'one'), checkpoint(1, 3, 3000));
    await committed(() => repo.git('commit', '--quiet', '-m', 'two'), checkpoint(2, 3, 3000));
  });

  afterEach(() => scratch.cleanup());

  async function committed(
    commit: () => Promise<unknown>,
    content: Buffer,
    add = ['theta', 'add'],
  ) {
    repo.write(MODEL, content);
    await repo.git(...add, MODEL);
    await commit();
    versions.push([(await repo.git('rev-parse', 'HEAD')).stdout.trim(), content]);
  }

  const push = () => repo.git('push', '--quiet', 'origin', 'main');

  /** Every version comes back byte for byte; with `offline` from this machine alone. */
  async function allThere(which = versions, offline = false): Promise<void> {
    const url = (await repo.git('config', 'lfs.url')).stdout.trim();
    if (offline) await repo.git('config', 'lfs.url', NOWHERE);
    for (const [commit, content] of which) {
      await repo.git('checkout', '--quiet', '--force', commit);
      expect(repo.read(MODEL).equals(content)).toBe(true);
      rmSync(repo.path(MODEL));
      await repo.git('checkout', '--', MODEL);
      expect(repo.read(MODEL).equals(content)).toBe(true);
    }
    await repo.git('checkout', '--quiet', '--force', 'main');
    await repo.git('config', 'lfs.url', url);
  }

  /** git-lfs finds nothing wrong, nor do we. */
  async function agreed(): Promise<void> {
    await repo.sound();
    expect((await repo.try('lfs', 'fsck')).code).toBe(0);
    expect(existsSync(repo.path('.git/lfs/bad'))).toBe(false);
  }

  const prunes = [
    ['lfs', 'prune'],
    ['theta', 'prune'],
    ['lfs', 'prune', '--verify-remote'],
    ['theta', 'prune', '--verify-remote'],
  ];

  test.each(prunes)('with git %s %s %s, pushed commits can be checked out', async (...prune) => {
    await push();
    const before = repo.objects().length;
    await repo.git(...prune);
    expect(repo.objects().length).toBeLessThan(before);
    await agreed();
    await allThere();
    await agreed();
  });

  test.each(prunes.slice(0, 2))(
    'with git %s %s, unpushed commits need no remote',
    async (...prune) => {
      await push();
      const pushed = versions.length;
      await committed(() => repo.git('commit', '--quiet', '-m', 'three'), checkpoint(3, 3, 3000));
      // Their manifests name objects that their trees do not.
      const blind = () => repo.git('commit', '--quiet', '--no-verify', '-m', 'four');
      await committed(blind, checkpoint(4, 3, 3000), ['add']);
      await committed(blind, checkpoint(5, 3, 3000), ['add']);
      await repo.git(...prune);
      await allThere(versions.slice(pushed), true);
      await push();
      expect((await repo.git('ls-remote', 'origin', 'main')).stdout).toContain(
        versions.at(-1)?.[0],
      );
      await repo.git(...prune);
      await allThere();
      // The newest commit, as git-lfs keeps it, or nothing.
      const kept = objectIds(await manifest(repo, 'HEAD', MODEL));
      for (const oid of repo.objects('.git/theta/objects')) expect(kept).toContain(oid);
    },
  );

  test.each(prunes.slice(0, 2))(
    'with git %s %s, a rebased commit needs no remote',
    async (...prune) => {
      await push();
      await repo.git('checkout', '--quiet', '-b', 'side');
      const blind = () => repo.git('commit', '--quiet', '--no-verify', '-m', 'side');
      const content = safetensors({
        ...tensors(2, 3, 3000),
        more: tensors(6, 1, 3000)['layer.0.weight'] as Float32Array,
      });
      await committed(blind, content, ['add']);
      await repo.git('checkout', '--quiet', '--force', 'main');
      repo.write('note.txt', 'x');
      await repo.git('add', 'note.txt');
      await repo.git('commit', '--quiet', '-m', 'note');
      await repo.git('rebase', '--quiet', 'main', 'side');
      await repo.git('branch', '--force', 'main', 'side');
      await repo.git(...prune);
      await allThere([[(await repo.git('rev-parse', 'side')).stdout.trim(), content]], true);
    },
  );

  const adds = [['add'], ['theta', 'add']];
  const both = prunes.slice(0, 2).flatMap((prune) => adds.map((add) => [prune, add] as const));

  test.each(both)('with git %j, what git %j staged needs no remote', async (prune, add) => {
    await push();
    const content = checkpoint(7, 3, 3000);
    repo.write(MODEL, content);
    await repo.git(...add, MODEL);
    await repo.git(...prune);
    const url = (await repo.git('config', 'lfs.url')).stdout.trim();
    await repo.git('config', 'lfs.url', NOWHERE);
    await repo.git('commit', '--quiet', '-m', 'three');
    versions.push([(await repo.git('rev-parse', 'HEAD')).stdout.trim(), content]);
    await allThere(versions.slice(-1), true);
    await agreed();
    await repo.git('config', 'lfs.url', url);
    await push();
    const clone = new ModelRepository(
      scratch,
      await scratch.clone(
        (await repo.git('remote', 'get-url', 'origin')).stdout.trim(),
        'clone',
        '-c',
        `lfs.url=${url}`,
      ),
    );
    expect(clone.read(MODEL).equals(content)).toBe(true);
  });

  test.each(both)('with git %j, what git %j staged needs no work tree', async (prune, add) => {
    await push();
    const content = checkpoint(9, 3, 3000);
    repo.write(MODEL, content);
    await repo.git(...add, MODEL);
    // The hooks before it have staged the store; the commit is not made.
    const hook = repo.path('.git/hooks/commit-msg');
    writeFileSync(hook, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    expect((await repo.try('commit', '--quiet', '-m', 'three')).code).not.toBe(0);
    rmSync(hook);
    repo.write(MODEL, checkpoint(10, 3, 3000));
    rmSync(repo.path('.git_theta'), { recursive: true });
    await repo.git(...prune);
    expect(composed(repo, await manifest(repo, '', MODEL))).toBe(sha256(content));
    await repo.git('config', 'lfs.url', NOWHERE);
    await repo.git('commit', '--quiet', '-m', 'three');
    versions.push([(await repo.git('rev-parse', 'HEAD')).stdout.trim(), content]);
    await allThere(versions.slice(-1), true);
  });

  test.each(adds)('what git %s %s kept aside goes', async (...add) => {
    /** Store files and checkpoints that the next `git status` would read. */
    const unknown = async () => (await repo.git('diff-files', '--name-only')).stdout;
    const kept = () => repo.objects('.git/theta/objects');
    await committed(
      () => repo.git('commit', '--quiet', '-m', 'three'),
      checkpoint(11, 3, 3000),
      add,
    );
    expect(kept()).toEqual(expect.arrayContaining(objectIds(await manifest(repo, 'HEAD', MODEL))));
    await repo.git('status');
    expect(await unknown()).toBe('');
    await push();
    expect(kept()).toEqual([]);
    expect(await unknown()).toBe('');

    repo.write(MODEL, checkpoint(12, 3, 3000));
    await repo.git(...add, MODEL);
    expect(kept().length).toBeGreaterThan(0);
    await repo.theta('prune');
    expect(kept().length).toBeGreaterThan(0);
    await repo.git('reset', '--quiet', '--hard');
    await repo.theta('prune');
    expect(kept()).toEqual([]);
    expect(await unknown()).toBe('');
    await allThere();
  });

  test('a stash needs no remote', async () => {
    await push();
    const content = checkpoint(8, 3, 3000);
    for (const prune of prunes.slice(0, 2)) {
      repo.write(MODEL, content);
      await repo.git('stash', '--quiet');
      await repo.git(...prune);
      await repo.git('config', 'lfs.url', NOWHERE);
      await repo.git('stash', 'pop', '--quiet');
      expect(repo.read(MODEL).equals(content)).toBe(true);
      await repo.git('config', 'lfs.url', server.url('org', `prune${number - 1}`));
      await repo.git('reset', '--quiet', '--hard');
    }
  });

  test('git-lfs and we find the same damage, and it is repaired', async () => {
    await push();
    const oid = await pointedAt(repo, `.git_theta/${MODEL}/layer.1.weight/c.0`);
    rmSync(repo.path('.git_theta'), { recursive: true });
    rmSync(repo.path(MODEL));
    corrupt(repo.object(oid));
    const ours = await repo.try('theta', 'fsck');
    expect([ours.code, ours.stdout]).toEqual([1, expect.stringContaining(oid)]);
    // git-lfs moves it aside: now it is missing.
    const theirs = await repo.try('lfs', 'fsck');
    expect([theirs.code, theirs.stdout + theirs.stderr]).toEqual([1, expect.stringContaining(oid)]);
    expect((await repo.try('theta', 'fsck')).stdout).toMatch(new RegExp(`missing\\n {2}${oid}`));
    await repo.theta('fsck', '--repair');
    await repo.git('reset', '--quiet', '--hard');
    rmSync(repo.path('.git/lfs/bad'), { recursive: true });
    await agreed();
    await allThere();
  });
});
