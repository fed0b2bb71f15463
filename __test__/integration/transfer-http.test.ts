import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type LfsServer, startLfsServer } from '../support/lfs-server';
import { Scratch } from '../support/scratch';
import { inode, ModelRepository, model, sha256, values } from './road-model';

let server: LfsServer;
let repo: ModelRepository;
let remote: string;
const MODEL = 'model.safetensors';

beforeAll(async () => {
  server = await startLfsServer();
}, 60_000);

afterAll(() => server.stop());

beforeEach(async () => {
  const scratch = new Scratch();
  repo = await ModelRepository.create(scratch);
  remote = await scratch.bare('remote.git');
  await repo.git('remote', 'add', 'origin', `file://${remote}`);
  repo.write('.lfsconfig', `[lfs]\n\turl = ${server.url('org', `r${Date.now()}`)}\n`);
  await repo.git('add', '.lfsconfig');
  await repo.theta('track', '*.safetensors');
});

afterEach(() => repo.scratch.cleanup());

/** Puts a program on PATH that appends what the real one says to a file. */
function logged(name: string, log: string): void {
  const folder = (process.env.PATH ?? '')
    .split(delimiter)
    .find((dir) => existsSync(join(dir, name)));
  const script = `#!/bin/sh\nexec '${join(folder ?? '', name)}' "$@" 2>>'${log}'\n`;
  writeFileSync(join(repo.scratch.bin, name), script, { mode: 0o755 });
}

test('a clone over HTTP fetches each object once and links the store to it', async () => {
  const content = await repo.commit(MODEL, model(20));
  await repo.git('push', '--quiet', 'origin', 'main');
  expect(await server.objects()).toEqual(expect.arrayContaining(repo.objects()));
  const target = repo.scratch.path('clone');
  const log = repo.scratch.path('lfs.log');
  logged('git-lfs', log);
  await repo.scratch.run('git', ['clone', `file://${remote}`, target], {
    env: { GIT_CURL_VERBOSE: '1' },
  });
  const clone = new ModelRepository(repo.scratch, target);
  expect(clone.read(MODEL).equals(content)).toBe(true);
  const said = readFileSync(log, 'utf8');
  const downloads = [...said.matchAll(/^> GET \S*\/objects\/storage\/(\w{64})/gm)].map(
    ([, oid]) => oid,
  );
  expect(downloads.sort()).toEqual(repo.objects());
  const file = '.git_theta/model.safetensors/layer.0.weight/c.0';
  expect(inode(clone.path(file))).toBe(inode(clone.object(sha256(clone.read(file)))));
  expect(await clone.status()).toEqual([]);
  await clone.sound();
});

test('objects that only a manifest names are fetched by the filter', async () => {
  const tensors = model(8);
  await repo.commit(MODEL, tensors);
  const next = await (async () => {
    const { safetensors } = await import('./road-model');
    return safetensors({ ...tensors, 'layer.0.weight': values(4096) });
  })();
  repo.write(MODEL, next);
  await repo.git('commit', '--quiet', '--no-verify', '-a', '-m', 'no store');
  await repo.git('push', '--quiet', 'origin', 'main');
  const target = await repo.scratch.clone(`file://${remote}`, 'clone');
  const clone = new ModelRepository(repo.scratch, target);
  expect(clone.read(MODEL).equals(next)).toBe(true);
});

test('a corrupt object is fetched again', async () => {
  const content = await repo.commit(MODEL, model());
  await repo.git('push', '--quiet', 'origin', 'main');
  const target = await repo.scratch.clone(`file://${remote}`, 'clone');
  const clone = new ModelRepository(repo.scratch, target);
  const oid = sha256(clone.read('.git_theta/model.safetensors/layer.0.weight/c.0'));
  // In place: the store file is the same inode.
  execFileSync('sh', [
    '-c',
    'chmod u+w "$1" && printf broken | dd of="$1" conv=notrunc 2>/dev/null',
    'sh',
    clone.object(oid),
  ]);
  rmSync(clone.path(MODEL));
  const found = await clone.try('theta', 'fsck');
  expect(found.code).toBe(1);
  expect(found.stdout).toContain('1 object corrupt');
  await clone.theta('fsck', '--repair');
  await clone.git('checkout', '--', MODEL);
  expect(clone.read(MODEL).equals(content)).toBe(true);
  await clone.sound();
});
