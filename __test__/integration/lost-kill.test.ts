// kill -9 of git and all its children at random moments: nothing that was committed is lost, and
// repeating the command succeeds.
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { python } from '../support/env';
import { type LfsServer, startLfsServer } from '../support/lfs-server';
import {
  checkpoint,
  composed,
  killed,
  manifest,
  randomNumbers,
  temporaries,
  unlock,
} from './lost-world';
import { ModelRepository, sha256 } from './road-model';

const MODEL = 'model.safetensors';
/** Where our processes keep what is unfinished. */
const TEMP = '.git/theta/tmp/';
const ROUNDS = 7;
/** Attempts to kill each step of a round. */
const ATTEMPTS = 2;
const random = randomNumbers(20_240_229);
const withServer = python() ? test : test.skip;

let repo: ModelRepository;
let server: LfsServer | undefined;
let remote: string;
/** Commits and the SHA-256 of their checkpoints. */
const committed: [commit: string, hash: string][] = [];
/** How long each command takes undisturbed, and how often it was killed. */
const durations = new Map<string, number>();
const kills = new Map<string, number>();

beforeAll(async () => {
  if (!python()) return;
  server = await startLfsServer();
  repo = await ModelRepository.create();
  remote = await repo.scratch.bare('remote.git');
  await repo.git('remote', 'add', 'origin', `file://${remote}`);
  await repo.git('config', 'lfs.url', server.url('org', 'kill'));
  await repo.theta('track', MODEL);
});

afterAll(async () => {
  await server?.stop();
  repo?.scratch.cleanup();
});

const hash = (path: string) => sha256(readFileSync(path));

/** Kills the command; everything committed must be there each time, and the command works then. */
async function survives(
  name: string,
  args: string[],
  afterKill: () => Promise<void>,
  again: () => Promise<unknown> = () => repo.git(...args),
): Promise<void> {
  const usual = durations.get(name);
  for (let attempt = 0; usual !== undefined && attempt < ATTEMPTS; attempt++) {
    if (!(await killed(repo, args, random() * usual))) break;
    kills.set(name, (kills.get(name) ?? 0) + 1);
    unlock(repo);
    await intact();
    await afterKill();
  }
  const start = Date.now();
  await again();
  durations.set(name, Math.min(usual ?? Number.POSITIVE_INFINITY, Date.now() - start));
}

/** fsck finds nothing wrong in commits and index, and some committed versions can be put together. */
async function intact(): Promise<void> {
  const { code, stdout } = await repo.try('theta', 'fsck', '--json');
  const { findings } = JSON.parse(stdout) as { findings: { kind: string; place: string }[] };
  // Store files of another version are what a checkout has half done.
  const errors = findings.filter(({ kind }) => kind !== 'stale');
  expect(errors.filter(({ place }) => place !== 'work tree')).toEqual([]);
  expect(code).toBe(errors.length > 0 ? 1 : 0);
  const picks = new Set([committed.length - 1, Math.floor(random() * committed.length)]);
  for (const pick of picks) {
    const [commit, content] = committed[pick] ?? [];
    if (commit) expect(composed(repo, await manifest(repo, commit, MODEL))).toBe(content);
  }
}

/** One version's life, each step of it killed before it may end. */
async function round(number: number): Promise<void> {
  const content = checkpoint(number, 12, 131_072 * 3);
  const wanted = sha256(content);
  repo.write(MODEL, content);
  const untouched = async () => expect(hash(repo.path(MODEL))).toBe(wanted);

  const add = number % 2 === 0 ? ['theta', 'add', MODEL] : ['add', MODEL];
  await survives(add.slice(0, -1).join(' '), add, untouched);
  expect(composed(repo, await manifest(repo, '', MODEL))).toBe(wanted);

  const before = (await repo.try('rev-parse', '--verify', 'HEAD')).stdout;
  const commit = ['commit', '--quiet', '-m', `version ${number}`];
  await survives('commit', commit, untouched, async () => {
    const { stdout } = await repo.try('rev-parse', '--verify', 'HEAD');
    // Killed after the commit was made: then a repetition has nothing to do.
    if (stdout === before) await repo.git(...commit);
  });
  committed.push([(await repo.git('rev-parse', 'HEAD')).stdout.trim(), wanted]);
  expect(composed(repo, await manifest(repo, 'HEAD', MODEL))).toBe(wanted);
  await repo.sound();
  expect(await repo.status()).toEqual([]);

  await survives('push', ['push', '--quiet', 'origin', 'main'], pushedWhole);
  const [earlier, old] = committed[Math.floor(random() * committed.length)] as [string, string];
  await checkoutSurvives(number, earlier, [wanted, old]);
}

/** The remote's branch points to a commit whose objects are all on the server. */
async function pushedWhole(): Promise<void> {
  const { stdout, code } = await repo.scratch.run('git', ['rev-parse', '--verify', 'main'], {
    cwd: remote,
    check: false,
  });
  if (code !== 0) return;
  const commit = stdout.trim();
  const text = await manifest(repo, commit, MODEL);
  const there = new Set(await server?.objects());
  for (const [, oid] of text.matchAll(/"([0-9a-f]{64}):\d+"/g)) expect(there).toContain(oid);
}

async function checkoutSurvives(number: number, commit: string, hashes: string[]): Promise<void> {
  const [newest, old] = hashes as [string, string];
  const text = sha256(Buffer.from(await manifest(repo, commit, MODEL)));
  const kind = number % 3;
  if (kind === 0) {
    // git itself writes the file, under its name: it may be absent or too short, never else.
    await survives('checkout', ['checkout', '--quiet', '--force', commit], async () => {});
  } else if (kind === 1) {
    await repo.git('config', 'theta.smudgeLimit', '1k');
    await survives(
      'checkout by the hook',
      ['checkout', '--quiet', '--force', commit],
      async () => {
        if (existsSync(repo.path(MODEL)))
          expect([newest, text, old]).toContain(hash(repo.path(MODEL)));
      },
      async () => {
        await repo.git('checkout', '--quiet', '--force', commit);
        await repo.theta('checkout', MODEL);
      },
    );
  } else {
    await repo.git('config', 'theta.smudgeLimit', '1k');
    await repo.git('-c', 'core.hooksPath=/nowhere', 'checkout', '--quiet', commit);
    writeFileSync(repo.path(MODEL), await manifest(repo, commit, MODEL));
    await survives('theta checkout', ['theta', 'checkout', MODEL], async () =>
      expect([text, old]).toContain(hash(repo.path(MODEL))),
    );
  }
  expect(hash(repo.path(MODEL))).toBe(old);
  expect(await repo.status()).toEqual([]);
  await repo.try('config', '--unset', 'theta.smudgeLimit');
  await repo.git('checkout', '--quiet', '--force', 'main');
  expect(hash(repo.path(MODEL))).toBe(newest);
}

withServer(
  'commands that were killed lose nothing and can be repeated',
  async () => {
    let number = 0;
    const count = () => [...kills.values()].reduce((sum, one) => sum + one, 0);
    while (number < ROUNDS || count() < 50) {
      expect(number).toBeLessThan(3 * ROUNDS);
      await round(number++);
    }
    for (const name of ['theta add', 'add', 'commit', 'push', 'checkout', 'theta checkout']) {
      expect([name, kills.get(name) ?? 0]).not.toEqual([name, 0]);
    }

    // Every version, by git itself, in a clone.
    const target = await repo.scratch.clone(
      `file://${remote}`,
      'clone',
      '-c',
      `lfs.url=${server?.url('org', 'kill')}`,
    );
    const clone = new ModelRepository(repo.scratch, target);
    for (const [commit, wanted] of committed) {
      await clone.git('checkout', '--quiet', commit);
      expect(hash(clone.path(MODEL))).toBe(wanted);
    }
    await clone.sound();
    await repo.sound();
  },
  400_000,
);

withServer('what killed commands left behind goes with the next prune', async () => {
  // As a command leaves it that is killed while it writes; the ones above may have left some, too.
  const left = [
    `${TEMP}git-theta-1-1`,
    `${TEMP}spool-abc/content`,
    `${TEMP}known-abc/config`,
    `.${MODEL}.git-theta-1-0`,
    `${TEMP}${'a'.repeat(64)}.1.tmp`,
  ];
  for (const path of left) repo.write(path, 'part of something');
  for (const path of temporaries(repo)) old(path);
  old(repo.path(TEMP));
  const young = repo.path(`${TEMP}git-theta-2-2`);
  writeFileSync(young, 'of a command that is at work');
  expect(temporaries(repo).length).toBeGreaterThanOrEqual(left.length + 1);
  await repo.theta('prune');
  expect(temporaries(repo)).toEqual([young]);
  rmSync(young);
  expect(readdirSync(repo.path('.git/theta/tmp'))).toEqual([]);
  await repo.sound();
});

/** As if written two hours ago, with everything in it. */
function old(path: string): void {
  const then = Date.now() / 1000 - 7200;
  utimesSync(path, then, then);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) old(join(path, name));
}
