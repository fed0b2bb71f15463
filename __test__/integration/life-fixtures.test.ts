// Every file of the fixtures, and files that are none, go through git and a real LFS server and come back.
import { readFileSync, rmSync } from 'node:fs';
import { type LfsServer, startLfsServer } from '../support/lfs-server';
import { FIXTURES, fixtures, hashFile, Scratch } from '../support/scratch';
import { ModelRepository, sha256 } from './road-model';

let scratch: Scratch;
let server: LfsServer;

beforeAll(async () => {
  scratch = new Scratch();
  server = await startLfsServer();
  await scratch.git('theta', 'install');
}, 60_000);
afterAll(async () => {
  await server.stop();
  scratch.cleanup();
});

test('all fixtures: add, commit, push, clone, checkout', async () => {
  const files = fixtures();
  expect(files.length).toBeGreaterThan(80);
  const hashes = await Promise.all(files.map(({ path }) => hashFile(path)));
  const names = files.map(({ name }) => name);
  const same = async (repo: ModelRepository) => {
    const found = await Promise.all(names.map((name) => hashFile(repo.path(name))));
    const different = names.filter((_, i) => found[i] !== hashes[i]);
    expect(different).toEqual([]);
    expect(await repo.status()).toEqual([]);
    await repo.sound();
  };

  const repo = new ModelRepository(scratch, await scratch.repo('fixtures'));
  repo.write('.lfsconfig', `[lfs]\n\turl = ${server.url('org', 'fixtures')}\n`);
  for (const name of names) repo.write(name, readFileSync(`${FIXTURES}/${name}`));
  await repo.theta('track', '--', ...names);
  await repo.theta('add', '--', ...names);
  await repo.git('add', '.lfsconfig');
  await repo.git('commit', '--quiet', '-m', 'fixtures');
  await same(repo);

  // The second commit: each file has its neighbour's content.
  names.forEach((name, i) => {
    repo.write(name, readFileSync(`${FIXTURES}/${names[(i + 1) % names.length]}`));
  });
  await repo.git('commit', '--quiet', '-a', '-m', 'rotated');
  const remote = await scratch.bare('fixtures.git');
  await repo.git('remote', 'add', 'origin', `file://${remote}`);
  await repo.git('push', '--quiet', 'origin', 'main');
  expect(await server.objects()).toEqual(repo.objects());

  const clone = new ModelRepository(scratch, await scratch.clone(`file://${remote}`, 'clone'));
  const rotated = await Promise.all(names.map((name) => hashFile(clone.path(name))));
  expect(rotated).toEqual(hashes.map((_, i) => hashes[(i + 1) % hashes.length]));
  expect(await clone.status()).toEqual([]);
  await clone.git('checkout', '--quiet', 'HEAD~1');
  await same(clone);
});

/** Numbers from a seed (mulberry32): the same cases in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

test.each([1, 2, 3, 4])('any bytes come back from plain git, seed %i', async (seed) => {
  const below = random(seed);
  const files = fixtures();
  const pick = () => readFileSync(files[below(files.length)]?.path as string);
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));
  const ways: (() => Buffer)[] = [
    () => {
      const bytes = pick();
      for (let n = 1 + below(3); n > 0; n -= 1) bytes[below(bytes.length)] = below(256);
      return bytes;
    },
    () => {
      const bytes = pick();
      return bytes.subarray(0, below(bytes.length));
    },
    () => {
      const bytes = pick();
      return bytes.subarray(below(bytes.length));
    },
    () => Buffer.concat([pick(), pick()]),
    () => Buffer.concat([pick(), noise(below(100))]),
    () => {
      const bytes = pick();
      const at = below(bytes.length);
      return Buffer.concat([bytes.subarray(0, at), noise(1 + below(8)), bytes.subarray(at)]);
    },
    () => noise(below(5000)),
    () => Buffer.alloc(below(3000), below(256)),
    () => {
      // In the part where headers are.
      const bytes = pick();
      bytes[below(Math.min(bytes.length, 200))] = below(256);
      return bytes;
    },
  ];
  const contents = Object.fromEntries(ways.map((way, i) => [`file${i}.pt`, way()]));
  const repo = new ModelRepository(scratch, await scratch.repo(`random${seed}`));
  await repo.theta('track', '*.pt');
  for (const [name, content] of Object.entries(contents)) repo.write(name, content);
  await repo.git('add', '.');
  await repo.git('commit', '--quiet', '-m', 'random');
  rmSync(repo.path('.git/theta/cache'), { recursive: true, force: true });
  for (const name of Object.keys(contents)) rmSync(repo.path(name));
  await repo.git('checkout', '--', '.');
  for (const [name, content] of Object.entries(contents)) {
    expect({ name, sha256: await hashFile(repo.path(name)) }).toEqual({
      name,
      sha256: sha256(content),
    });
  }
  expect(await repo.status()).toEqual([]);
  await repo.sound();
});
