// Two at once: commands on one repository, a program that writes a checkpoint while it is added,
// two clones that push. What ends in the index is a whole version, or the command says why not.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Scratch } from '../support/scratch';
import { checkpoint, composed, manifest, unlock } from './lost-world';
import { ModelRepository, sha256 } from './road-model';

const MODEL = 'model.safetensors';
const OTHER = 'other.safetensors';
let repo: ModelRepository;
let scratch: Scratch;

beforeEach(async () => {
  repo = await ModelRepository.create();
  scratch = repo.scratch;
  await repo.theta('track', '*.safetensors');
});

afterEach(() => scratch.cleanup());

const staged = async (path: string) => composed(repo, await manifest(repo, '', path));

/** Runs commands at once; each succeeds, or says that another git is at work. */
async function together(...commands: string[][]): Promise<boolean[]> {
  const results = await Promise.all(commands.map((args) => repo.try(...args)));
  for (const { code, stderr } of results) {
    if (code === 0) continue;
    expect(code).toBe(128);
    expect(stderr).toMatch(/^(error|fatal): .*index\.lock/m);
  }
  return results.map(({ code }) => code === 0);
}

test('adds of the same model', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const content = checkpoint(seed, 6, 40_000);
    repo.write(MODEL, content);
    const done = await together(['theta', 'add', MODEL], ['theta', 'add', MODEL], ['add', MODEL]);
    expect(unlock(repo)).toEqual([]);
    if (!done.includes(true)) await repo.theta('add', MODEL);
    expect(await staged(MODEL)).toBe(sha256(content));
    await repo.theta('add', MODEL);
    await repo.git('commit', '--quiet', '-m', `version ${seed}`);
    await repo.sound();
    expect(await repo.status()).toEqual([]);
  }
});

test('adds of different models', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const contents = [checkpoint(2 * seed, 6, 40_000), checkpoint(2 * seed + 1, 6, 40_000)];
    repo.write(MODEL, contents[0] as Buffer);
    repo.write(OTHER, contents[1] as Buffer);
    await together(['theta', 'add', MODEL], ['theta', 'add', OTHER]);
    await repo.theta('add', '.');
    expect(await staged(MODEL)).toBe(sha256(contents[0] as Buffer));
    expect(await staged(OTHER)).toBe(sha256(contents[1] as Buffer));
    await repo.git('commit', '--quiet', '-m', `version ${seed}`);
    await repo.sound();
    expect(await repo.status()).toEqual([]);
  }
});

test('an add while another model is checked out', async () => {
  const old = await repo.commit(OTHER, checkpoint(1, 6, 40_000));
  await repo.commit(MODEL, checkpoint(2, 6, 40_000));
  await repo.git('config', 'theta.smudgeLimit', '1k');
  for (let seed = 3; seed <= 5; seed++) {
    const content = checkpoint(seed, 6, 40_000);
    repo.write(MODEL, content);
    rmSync(repo.path(OTHER));
    const [added, written] = await together(['theta', 'add', MODEL], ['theta', 'checkout', OTHER]);
    if (!added) await repo.theta('add', MODEL);
    if (!written) await repo.theta('checkout', OTHER);
    expect(await staged(MODEL)).toBe(sha256(content));
    expect(repo.read(OTHER).equals(old)).toBe(true);
    await repo.git('commit', '--quiet', '-m', `version ${seed}`);
    expect(await repo.status()).toEqual([]);
    await repo.sound();
  }
});

test('two clones that push', async () => {
  const remote = await scratch.bare('remote.git');
  await repo.git('remote', 'add', 'origin', `file://${remote}`);
  await repo.commit(MODEL, checkpoint(1, 4, 20_000));
  await repo.git('push', '--quiet', 'origin', 'main');
  const clones = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const dir = await scratch.clone(`file://${remote}`, name);
      return new ModelRepository(scratch, dir);
    }),
  );
  const [one, two] = clones as [ModelRepository, ModelRepository];
  const mine = await one.commit(MODEL, checkpoint(2, 4, 20_000));
  const theirs = await two.commit(OTHER, checkpoint(3, 4, 20_000));
  const push = (clone: ModelRepository) => clone.try('push', '--quiet', 'origin', 'main');
  const codes = (await Promise.all([push(one), push(two)])).map(({ code }) => code);
  expect(codes.filter((code) => code === 0)).toHaveLength(1);
  const late = codes[0] === 0 ? two : one;
  await late.git('pull', '--quiet', '--rebase');
  await late.git('push', '--quiet', 'origin', 'main');
  const fresh = new ModelRepository(scratch, await scratch.clone(`file://${remote}`, 'fresh'));
  expect(fresh.read(MODEL).equals(mine)).toBe(true);
  expect(fresh.read(OTHER).equals(theirs)).toBe(true);
  await fresh.sound();
});

describe('a checkpoint that is written while it is added', () => {
  // Overwrites in place, now with one version and now with the other, until its input ends.
  const WRITER = `
    const fs = require('fs');
    const [path, ...versions] = process.argv.slice(1);
    const contents = versions.map((version) => fs.readFileSync(version));
    const fd = fs.openSync(path, 'r+');
    let ended = false;
    process.stdin.on('data', () => {}).on('end', () => { ended = true; });
    let turn = 0;
    const write = () => {
      const content = contents[turn++ % 2];
      for (let at = 0; at < content.length; at += 65536) {
        fs.writeSync(fd, content, at, Math.min(65536, content.length - at), at);
      }
      if (turn === 1) process.stdout.write('writing');
      if (!ended) setTimeout(write, turn % 7 * 15);
    };
    write();
  `;

  let writer: ReturnType<typeof spawn> | undefined;

  afterEach(() => writer?.kill());

  test.each([['theta', 'add'], ['add']])('by git %s %s', async (...add) => {
    const versions = [checkpoint(1, 8, 200_000), checkpoint(2, 8, 200_000)];
    const files = versions.map((content, number) => {
      repo.write(`../version${number}`, content);
      return scratch.path(`version${number}`);
    });
    const whole = versions.map((content) => sha256(content));
    repo.write(MODEL, versions[1] as Buffer);
    for (let round = 0; round < 8; round++) {
      writer = spawn(process.execPath, ['-e', WRITER, repo.path(MODEL), ...files]);
      await once(writer.stdout as Readable, 'data');
      const { code, stderr } = await repo.try(...add, MODEL);
      // Refused or not is a matter of timing; what may not happen is a mixture.
      if (code !== 0) {
        expect(code).toBe(128);
        expect(stderr).toMatch(/^error: .*model\.safetensors.* changed while it was read/m);
        expect(stderr).toMatch(/^hint: Wait until/m);
      }
      const ended = once(writer, 'exit');
      writer.stdin?.end();
      await ended;
      // What is in the index is a version that the file had, whatever it has now.
      const { stdout } = await repo.git('ls-files', '-s', MODEL);
      if (stdout === '') continue;
      const entry = await staged(MODEL);
      expect(whole).toContain(entry);
      if (sha256(repo.read(MODEL)) !== entry) {
        expect((await repo.status(MODEL)).join()).toMatch(/^.M/);
      }
    }
    await repo.git(...add, MODEL);
    expect(await staged(MODEL)).toBe(sha256(repo.read(MODEL)));
    await repo.git('commit', '--quiet', '-m', 'at rest');
    await repo.sound();
  });
});
