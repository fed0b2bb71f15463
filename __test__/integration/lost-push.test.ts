// Pushes that fail half-way: the branch does not move before its objects are there, and the push
// can be repeated.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { python } from '../support/env';
import {
  type FaultyProxy,
  faultyProxy,
  type LfsServer,
  startLfsServer,
} from '../support/lfs-server';
import { Scratch } from '../support/scratch';
import { checkpoint, manifest, objectIds, tensors } from './lost-world';
import { lines, ModelRepository, safetensors } from './road-model';

const MODEL = 'model.safetensors';
const withServer = python() ? describe : describe.skip;

withServer('a push', () => {
  let server: LfsServer;
  let proxy: FaultyProxy;
  let repo: ModelRepository;
  let scratch: Scratch;
  let remote: string;
  let content: Buffer;
  let number = 0;

  beforeAll(async () => {
    server = await startLfsServer();
    proxy = await faultyProxy(server);
  });

  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    scratch = new Scratch();
    repo = await ModelRepository.create(scratch);
    remote = await scratch.bare('remote.git');
    await repo.git('remote', 'add', 'origin', `file://${remote}`);
    repo.write('.lfsconfig', `[lfs]\n\turl = ${proxy.url('org', `push${number++}`)}\n`);
    await repo.git('add', '.lfsconfig');
    await repo.theta('track', MODEL);
    content = await repo.commit(MODEL, checkpoint(number, 4, 5000));
  });

  afterEach(() => {
    proxy.heal();
    scratch.cleanup();
  });

  const branches = async () =>
    lines(
      (await scratch.git('--git-dir', remote, 'for-each-ref', '--format=%(objectname)')).stdout,
    );
  const head = async () => (await repo.git('rev-parse', 'HEAD')).stdout.trim();

  /** A fresh clone has these bytes, and nothing wrong. */
  async function clones(wanted: Buffer): Promise<ModelRepository> {
    const dir = await scratch.clone(`file://${remote}`, `clone${number++}`);
    const clone = new ModelRepository(scratch, dir);
    expect(clone.read(MODEL).equals(wanted)).toBe(true);
    return clone;
  }

  async function isRefused(...args: string[]): Promise<string> {
    const before = await branches();
    const { code, stderr } = await repo.try(...args);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^error: /m);
    expect(await branches()).toEqual(before);
    return stderr;
  }

  test.each([
    ['answered with status 500', 'error', 3],
    ['cut off', 'drop', 3],
    ['all refused', 'error', 0],
  ] as const)('whose uploads are %s fails, and can be repeated', async (_, how, after) => {
    for (const command of [['push'], ['theta', 'push']]) {
      proxy.failAfter(after, how);
      const refused = proxy.refused;
      await isRefused(...command, 'origin', 'main');
      expect(proxy.refused).toBeGreaterThan(refused);
      proxy.heal();
      await repo.git(...command, '--quiet', 'origin', 'main');
      expect(await branches()).toEqual([await head()]);
      await (await clones(content)).sound();
      content = await repo.commit(MODEL, checkpoint(100 + number, 4, 5000));
    }
  });

  test('whose unlisted objects are refused fails, and can be repeated', async () => {
    await repo.git('push', '--quiet', 'origin', 'main');
    const next = checkpoint(200, 4, 5000);
    repo.write(MODEL, next);
    // Without our hook, git-lfs knows nothing of the new tensors: the uploads are ours.
    await repo.git('commit', '--quiet', '--no-verify', '-a', '-m', 'store lags');
    proxy.failAfter(2, 'error');
    await isRefused('push', 'origin', 'main');
    await isRefused('theta', 'push', 'origin', 'main');
    proxy.heal();
    await repo.git('push', '--quiet', 'origin', 'main');
    await clones(next);
  });

  test('to a server that does not answer fails, and can be repeated', async () => {
    const closed = await faultyProxy(server);
    await closed.stop();
    const url = closed.url('org', 'closed');
    await isRefused('-c', `lfs.url=${url}`, 'push', 'origin', 'main');
    await isRefused('-c', `lfs.url=${url}`, 'theta', 'push', 'origin', 'main');
    await repo.git('push', '--quiet', 'origin', 'main');
    await (await clones(content)).sound();
  });

  test('with --no-verify leaves a clone that says what is missing', async () => {
    await repo.git('push', '--quiet', 'origin', 'main');
    const old = new Set(objectIds(await manifest(repo, 'HEAD', MODEL)));
    const next = await repo.commit(MODEL, {
      ...tensors(number, 4, 5000),
      'layer.1.weight': tensors(300, 1, 5000)['layer.0.weight'] as Float32Array,
    });
    await repo.git('push', '--quiet', '--no-verify', 'origin', 'main');
    const absent = objectIds(await manifest(repo, 'HEAD', MODEL)).filter((oid) => !old.has(oid));
    expect(absent.length).toBeGreaterThan(1);

    const refused = await scratch.run('git', ['clone', `file://${remote}`, scratch.path('no')], {
      check: false,
    });
    expect(refused.code).not.toBe(0);
    const dir = scratch.path('without');
    const env = { GIT_LFS_SKIP_SMUDGE: '1' };
    await scratch.run('git', ['clone', '--quiet', `file://${remote}`, dir], { env });
    const clone = new ModelRepository(scratch, dir);
    await clone.try('theta', 'fetch');
    const { code, stdout } = await clone.try('theta', 'fsck', '--json');
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as {
      findings: { kind: string; path: string; objects: { oid: string }[] }[];
    };
    const missing = findings.filter(({ kind }) => kind === 'missing');
    expect(missing.map(({ path }) => path)).toEqual([MODEL]);
    expect(missing[0]?.objects.map(({ oid }) => oid).sort()).toEqual(absent.sort());
    for (const oid of absent) expect((await clone.try('theta', 'fsck')).stdout).toContain(oid);

    await repo.git('lfs', 'push', '--all', 'origin', 'main');
    await clone.theta('pull', '--quiet');
    expect(clone.read(MODEL).equals(next)).toBe(true);
    await clone.sound();
  });

  test('with --no-verify is completed by git theta push --all-objects', async () => {
    await repo.git('push', '--quiet', 'origin', 'main');
    const [first] = objectIds(await manifest(repo, 'HEAD', MODEL));
    await repo.commit(MODEL, checkpoint(500 + number, 4, 5000));
    const next = checkpoint(600 + number, 4, 5000);
    repo.write(MODEL, next);
    // What pointers name, and what only a manifest names.
    await repo.git('commit', '--quiet', '--no-verify', '-a', '-m', 'store lags');
    await repo.git('push', '--quiet', '--no-verify', 'origin', 'main');
    const before = new Set(await server.objects());
    const both = await Promise.all(['HEAD~1', 'HEAD'].map((rev) => manifest(repo, rev, MODEL)));
    const [listed = [], unlisted = []] = both.map((text) =>
      objectIds(text).filter((oid) => !before.has(oid)),
    );
    expect(Math.min(listed.length, unlisted.length)).toBeGreaterThan(4);
    await repo.theta('push', '--quiet', '--all-objects', '--dry-run', 'origin', 'main');
    expect(new Set(await server.objects())).toEqual(before);

    // One that is nowhere. What is there alone, because it was pruned here, is no reason to refuse.
    const lost = listed.find((oid) => !unlisted.includes(oid)) as string;
    const bytes = readFileSync(repo.object(lost));
    repo.lose(lost);
    repo.lose(first as string);
    await isRefused('theta', 'push', '--all-objects', 'origin', 'main');
    writeFileSync(repo.object(lost), bytes);
    proxy.failAfter(2, 'error');
    await isRefused('theta', 'push', '--all-objects', 'origin', 'main');
    proxy.heal();
    await repo.theta('push', '--all-objects', 'origin', 'main');
    const there = new Set(await server.objects());
    expect([...listed, ...unlisted].filter((oid) => !there.has(oid))).toEqual([]);
    await clones(next);
  });

  describe('of a commit whose store lags', () => {
    let next: Buffer;

    /** A commit on branch `side` that changes one tensor, made without our hook. */
    beforeEach(async () => {
      await repo.git('push', '--quiet', 'origin', 'main');
      next = safetensors({
        ...tensors(number, 4, 5000),
        'layer.1.weight': tensors(400, 1, 5000)['layer.0.weight'] as Float32Array,
      });
      await repo.git('checkout', '--quiet', '-b', 'side');
      repo.write(MODEL, next);
    });

    const commit = ['commit', '--quiet', '--no-verify', '-m', 'changed', '-a'];
    const note = async () => {
      repo.write('note.txt', 'x');
      await repo.git('add', 'note.txt');
      await repo.git('commit', '--quiet', '-m', 'note');
    };
    const ways: [string, () => Promise<unknown>][] = [
      ['commit --no-verify', () => repo.git(...commit)],
      ['commit -- path', () => repo.git('commit', '--quiet', '-m', 'part', '--', MODEL)],
      [
        'an automatic merge',
        async () => {
          await repo.git(...commit);
          await repo.git('checkout', '--quiet', '-B', 'side2', 'main');
          await note();
          await repo.git('merge', '--quiet', '--no-edit', 'side');
        },
      ],
      [
        'a cherry-pick',
        async () => {
          await repo.git(...commit);
          await repo.git('checkout', '--quiet', '-B', 'side2', 'main');
          await note();
          await repo.git('cherry-pick', 'side');
        },
      ],
      [
        'a rebase',
        async () => {
          await repo.git(...commit);
          await repo.git('checkout', '--quiet', '-B', 'side2', 'main');
          await note();
          await repo.git('rebase', '--quiet', 'side2', 'side');
        },
      ],
    ];

    test.each(ways)('made by %s', async (_, make) => {
      await make();
      await repo.git('push', '--quiet', 'origin', 'HEAD:refs/heads/main');
      const there = new Set(await server.objects());
      for (const oid of objectIds(await manifest(repo, 'HEAD', MODEL))) {
        expect(there).toContain(oid);
      }
      const clone = await clones(next);
      // All from the server: no remote on this disk has objects.
      expect(readFileSync(clone.path('.lfsconfig'), 'utf8')).toContain('http://');
      rmSync(clone.path(MODEL));
      await clone.git('checkout', '--', MODEL);
      expect(clone.read(MODEL).equals(next)).toBe(true);
    });
  });
});
