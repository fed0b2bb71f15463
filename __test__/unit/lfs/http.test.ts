/** Transfers over HTTP, with a real server that is also made to fail. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Repository } from '../../../src/git/repository';
import { hasObject, objectPath } from '../../../src/lfs/store';
import { fetchObjects, pushObjects } from '../../../src/lfs/transfer';
import type { ObjectRef } from '../../../src/manifest';
import { python } from '../../support/env';
import {
  type FaultyProxy,
  faultyProxy,
  type LfsServer,
  startLfsServer,
} from '../../support/lfs-server';
import { repository, run } from '../git/tmp';

const withServer = python() === undefined ? describe.skip : describe;

withServer('a real server', () => {
  let server: LfsServer;
  let proxy: FaultyProxy;

  beforeAll(async () => {
    server = await startLfsServer();
    proxy = await faultyProxy(server);
  }, 60_000);

  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });

  async function scene(
    name: string,
    count: number,
  ): Promise<{ repo: Repository; refs: ObjectRef[] }> {
    const root = repository();
    run(root, 'lfs', 'install', '--local');
    run(root, 'remote', 'add', 'origin', 'http://127.0.0.1:9/none.git');
    run(root, 'config', 'lfs.url', proxy.url('org', name));
    run(root, 'config', 'lfs.transfer.maxretries', '1');
    const repo = await Repository.discover(root);
    const refs = Array.from({ length: count }, (_, i) => {
      const bytes = randomBytes(1000 + 50 * i);
      const oid = createHash('sha256').update(bytes).digest('hex');
      const path = objectPath(repo.objectsDir, oid);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
      return { oid, size: bytes.length };
    });
    return { repo, refs };
  }

  test('objects go there and come back', async () => {
    const { repo, refs } = await scene('good', 120);
    await pushObjects(repo, 'origin', refs);
    expect(await server.objects()).toEqual(expect.arrayContaining(refs.map(({ oid }) => oid)));
    rmSync(repo.objectsDir, { recursive: true });
    const absent = { oid: 'e'.repeat(64), size: 4 };
    await expect(fetchObjects(repo, [absent, ...refs])).rejects.toMatchObject({
      code: 'ERR_THETA_FETCH_INCOMPLETE',
      message: expect.stringContaining(`1 of 121 objects (4 bytes)`),
    });
    expect(refs.every((ref) => hasObject(repo.objectsDir, ref))).toBe(true);
  }, 60_000);

  test.each(['error', 'drop'] as const)(
    'a server that fails on the way (%s) fails the push',
    async (how) => {
      const { repo, refs } = await scene(how, 6);
      proxy.failAfter(3, how);
      await expect(pushObjects(repo, 'origin', refs)).rejects.toMatchObject({
        code: 'ERR_THETA_PUSH_INCOMPLETE',
      });
      proxy.heal();
      await pushObjects(repo, 'origin', refs);
      expect(await server.objects()).toEqual(expect.arrayContaining(refs.map(({ oid }) => oid)));
      expect(existsSync(repo.objectsDir)).toBe(true);
    },
    60_000,
  );
});
