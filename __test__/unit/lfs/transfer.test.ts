import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isThetaError, type ThetaError } from '../../../src/errors';
import { Repository } from '../../../src/git/repository';
import { findObject, hasObject, objectPath } from '../../../src/lfs/store';
import { checkLfsVersion, fetchObjects, pushObjects } from '../../../src/lfs/transfer';
import type { ObjectRef } from '../../../src/manifest';
import { folder, repository, run } from '../git/tmp';

interface Scene {
  repo: Repository;
  /** Objects of the remote. */
  remote: string;
}

async function scene(): Promise<Scene> {
  const remote = join(folder(), 'remote.git');
  mkdirSync(remote);
  run(remote, 'init', '-q', '--bare');
  const root = repository();
  run(root, 'lfs', 'install', '--local');
  run(root, 'remote', 'add', 'origin', `file://${remote}`);
  run(root, 'commit', '-q', '--allow-empty', '-m', 'x');
  return { repo: await Repository.discover(root), remote: join(remote, 'lfs/objects') };
}

function put(store: string, content: string | Buffer): ObjectRef {
  const bytes = Buffer.from(content);
  const oid = createHash('sha256').update(bytes).digest('hex');
  const path = objectPath(store, oid);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return { oid, size: bytes.length };
}

async function failure(promise: Promise<unknown>): Promise<ThetaError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isThetaError(error)) throw error ?? new Error('it worked');
  return error;
}

test('the version', async () => {
  expect(await checkLfsVersion()).toMatch(/^3\./);
});

test('a store of objects', () => {
  const store = folder();
  const ref = put(store, 'hello');
  expect(objectPath(store, ref.oid)).toBe(
    join(store, ref.oid.slice(0, 2), ref.oid.slice(2, 4), ref.oid),
  );
  expect(hasObject(store, ref)).toBe(true);
  expect(hasObject(store, { ...ref, size: 4 })).toBe(false);
  expect(findObject([folder(), store], ref)).toBe(objectPath(store, ref.oid));
  expect(findObject([folder()], ref)).toBeNull();
});

test('objects go there and come back', async () => {
  const { repo, remote } = await scene();
  const refs = Array.from({ length: 250 }, (_, i) =>
    put(repo.objectsDir, `object ${i} ${'x'.repeat(i * 300)}`),
  );
  const progress = jest.fn();
  await pushObjects(repo, 'origin', [...refs, ...refs], { onProgress: progress });
  for (const ref of refs) expect(hasObject(remote, ref)).toBe(true);
  expect(progress).toHaveBeenLastCalledWith(expect.objectContaining({ done: 250, total: 250 }));
  await pushObjects(repo, 'origin', refs);
  await pushObjects(repo, 'origin', []);
  const [kept] = refs;
  const bytes = readFileSync(objectPath(repo.objectsDir, kept?.oid ?? ''));
  rmSync(repo.objectsDir, { recursive: true });
  put(join(repo.thetaDir, 'objects'), bytes);
  const fetched = jest.fn();
  expect((await fetchObjects(repo, refs, { onProgress: fetched })).fetched).toBe(249);
  expect(fetched).toHaveBeenLastCalledWith(expect.objectContaining({ done: 249, total: 249 }));
  for (const ref of refs.slice(1)) {
    const found = readFileSync(objectPath(repo.objectsDir, ref.oid));
    expect(createHash('sha256').update(found).digest('hex')).toBe(ref.oid);
  }
  expect(await fetchObjects(repo, refs)).toEqual({ fetched: 0, bytes: 0 });
});

test('an object that is not here fails the push, before and whatever git-lfs is allowed', async () => {
  const { repo, remote } = await scene();
  run(repo.workTree, 'config', 'lfs.allowincompletepush', 'true');
  const ref = put(repo.objectsDir, 'here');
  const absent = { oid: 'a'.repeat(64), size: 5 };
  const error = await failure(pushObjects(repo, 'origin', [ref, absent]));
  expect(error.code).toBe('ERR_THETA_PUSH_INCOMPLETE');
  expect(error.message).toContain(`1 of 2 objects are not here: ${absent.oid}`);
  expect(existsSync(remote)).toBe(false);
  const short = await failure(pushObjects(repo, 'origin', [{ ...ref, size: 3 }]));
  expect(short.code).toBe('ERR_THETA_PUSH_INCOMPLETE');
});

test('an upload that does not work fails the push', async () => {
  const { repo, remote } = await scene();
  const ref = put(repo.objectsDir, 'here');
  mkdirSync(dirname(dirname(remote)), { recursive: true });
  writeFileSync(dirname(remote), 'in the way');
  expect((await failure(pushObjects(repo, 'origin', [ref]))).code).toBe(
    'ERR_THETA_PUSH_INCOMPLETE',
  );
  for (const where of ['nowhere', 'http://127.0.0.1:9/x.git', `file://${folder()}/none.git`]) {
    run(repo.workTree, 'config', 'lfs.transfer.maxretries', '1');
    const error = await failure(pushObjects(repo, where, [ref]));
    expect(error.code).toBe('ERR_THETA_PUSH_INCOMPLETE');
    expect(error.message).toContain(`'${where}'`);
  }
});

test('GIT_LFS_SKIP_PUSH does not make a push of nothing succeed', async () => {
  const { repo, remote } = await scene();
  const ref = put(repo.objectsDir, 'here');
  process.env.GIT_LFS_SKIP_PUSH = '1';
  try {
    await pushObjects(repo, 'origin', [ref]);
  } finally {
    delete process.env.GIT_LFS_SKIP_PUSH;
  }
  expect(hasObject(remote, ref)).toBe(true);
});

test('objects that only our own store has are uploaded', async () => {
  const { repo, remote } = await scene();
  const ref = put(join(repo.thetaDir, 'objects'), 'pinned');
  await pushObjects(repo, 'origin', [ref]);
  expect(hasObject(remote, ref)).toBe(true);
});

test('what cannot be had is named, the rest arrives', async () => {
  const { repo, remote } = await scene();
  const there = put(remote, 'there');
  const absent = { oid: 'b'.repeat(64), size: 5 };
  const error = await failure(fetchObjects(repo, [absent, there]));
  expect(error.code).toBe('ERR_THETA_FETCH_INCOMPLETE');
  expect(error.message).toContain(
    `1 of 2 objects (5 bytes) could not be downloaded: ${absent.oid}`,
  );
  expect(hasObject(repo.objectsDir, there)).toBe(true);
});

test('an unreachable remote', async () => {
  const { repo } = await scene();
  run(repo.workTree, 'remote', 'set-url', 'origin', 'http://127.0.0.1:9/x.git');
  run(repo.workTree, 'config', 'lfs.transfer.maxretries', '1');
  const error = await failure(fetchObjects(repo, [{ oid: 'b'.repeat(64), size: 5 }]));
  expect(error.code).toBe('ERR_THETA_FETCH_INCOMPLETE');
  expect(error.hint).toMatch(/127\.0\.0\.1:9/);
});

test('settings that leave out files do not leave out objects', async () => {
  const { repo, remote } = await scene();
  const ref = put(remote, 'there');
  run(repo.workTree, 'config', 'lfs.fetchexclude', '*');
  process.env.GIT_LFS_SKIP_SMUDGE = '1';
  try {
    expect(await fetchObjects(repo, [ref])).toEqual({ fetched: 1, bytes: 5 });
  } finally {
    process.env.GIT_LFS_SKIP_SMUDGE = '0';
  }
});

test('another remote on demand', async () => {
  const { repo } = await scene();
  const second = await scene();
  const ref = put(second.remote, 'elsewhere');
  run(repo.workTree, 'remote', 'add', 'second', `file://${dirname(dirname(second.remote))}`);
  run(repo.workTree, 'config', 'branch.main.remote', 'origin');
  expect((await failure(fetchObjects(repo, [ref]))).code).toBe('ERR_THETA_FETCH_INCOMPLETE');
  expect((await fetchObjects(repo, [ref], { remote: 'second' })).fetched).toBe(1);
  run(repo.workTree, 'checkout', '-q', '--detach');
  rmSync(repo.objectsDir, { recursive: true });
  expect((await fetchObjects(repo, [ref], { remote: 'second' })).fetched).toBe(1);
});

test('a transfer can be cancelled', async () => {
  const { repo, remote } = await scene();
  const ref = put(remote, 'there');
  const signal = AbortSignal.abort();
  expect((await failure(fetchObjects(repo, [ref], { signal }))).code).toBe('ERR_THETA_CANCELLED');
  const here = put(repo.objectsDir, 'here');
  expect((await failure(pushObjects(repo, 'origin', [here], { signal }))).code).toBe(
    'ERR_THETA_CANCELLED',
  );
});
