// What goes wrong is said in one `error:` line that names the path, with a `hint:` that helps, and
// an exit code that scripts can rely on: 1 findings, 128 fatal, 129 usage.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from '../support/env';
import type { Result, Scratch } from '../support/scratch';
import { checkpoint } from './lost-world';
import { ModelRepository } from './road-model';

const MODEL = 'model.safetensors';
let repo: ModelRepository;
let scratch: Scratch;

beforeAll(async () => {
  repo = await ModelRepository.create();
  scratch = repo.scratch;
  await repo.theta('track', MODEL);
  await repo.commit(MODEL, checkpoint(1, 2, 256));
  repo.write('folder/other.bin', 'no checkpoint');
  await scratch.bare('bare.git');
  mkdirSync(scratch.path('nowhere'));
});

afterAll(() => scratch.cleanup());

/** Exactly one `error:` line that says `why`, and at most one hint, which says `help`. */
function told(result: Result, code: number, why: string | RegExp, help?: string | RegExp): void {
  const { stderr } = result;
  const starting = (word: string) => stderr.split('\n').filter((line) => line.startsWith(word));
  expect(starting('error: ')).toEqual([expect.stringMatching(why)]);
  expect(starting('hint: ')).toEqual(help === undefined ? [] : [expect.stringMatching(help)]);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(result.code).toBe(code);
}

/** A program in the place of another, for one test: a shell script. */
async function replaced<T>(name: string, script: string, body: () => Promise<T>): Promise<T> {
  const file = join(scratch.bin, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  try {
    return await body();
  } finally {
    rmSync(file);
  }
}

const theta = (cwd: string, args: string[], env: Record<string, string | undefined> = {}) =>
  scratch.run('git-theta', args, { cwd, check: false, env });

describe('where a command is run', () => {
  const commands = [
    ['add', MODEL],
    ['status'],
    ['checkout'],
    ['track', '*.pt'],
    ['untrack', '*.pt'],
    ['ls-files'],
    ['dedup'],
    ['merge', '--continue'],
  ];
  const anywhere = [['fsck'], ['fetch'], ['prune'], ['push', 'origin', 'main'], ['pull']];

  test.each([...commands, ...anywhere])('not in a repository: %s', async (...args) => {
    const dir = scratch.path('nowhere');
    told(await theta(dir, args), 128, `'${dir}' is not in a git repository`, 'git init');
  });

  test.each(commands)('in a bare repository: %s', async (...args) => {
    const dir = scratch.path('bare.git');
    told(await theta(dir, args), 128, `'${dir}' is bare`, 'git clone');
  });

  test('in the git directory', async () => {
    const dir = repo.path('.git');
    told(await theta(dir, ['status']), 128, `'${dir}' is not in a work tree`, 'git directory');
  });

  test('as JSON', async () => {
    const { code, stdout, stderr } = await theta(scratch.path('nowhere'), ['status', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      error: {
        code: 'ERR_THETA_NOT_A_REPOSITORY',
        message: expect.stringContaining('nowhere'),
        hint: expect.stringContaining('git init'),
        path: scratch.path('nowhere'),
      },
    });
    expect([code, stderr]).toEqual([128, '']);
  });
});

describe('paths', () => {
  test.each(['add', 'checkout', 'fsck', 'status', 'ls-files'])('git theta %s', async (command) => {
    const run = (path: string) => theta(repo.dir, [command, path]);
    told(await run('../else.pt'), 128, "'../else.pt' is outside the work tree", repo.dir);
    told(await run('absent.pt'), 128, "'absent.pt' matches no file", 'git theta ls-files');
    const track = 'git theta track folder/other.bin`';
    if (command === 'add') {
      told(await run('folder/other.bin'), 128, "'folder/other.bin' is not tracked", track);
      told(await run('folder'), 128, "'folder' contains no checkpoint", 'git theta track');
    }
  });

  test('a name is quoted so that the hint can be pasted', async () => {
    repo.write("it's new.bin", 'x');
    told(
      await theta(repo.dir, ['add', "it's new.bin"]),
      128,
      'not tracked',
      /track 'it'\\''s new\.bin'`/,
    );
  });

  test('a symbolic link in the place of a checkpoint', async () => {
    await repo.theta('track', 'link.pt');
    symlinkSync('model.safetensors', repo.path('link.pt'));
    told(
      await theta(repo.dir, ['add', 'link.pt']),
      128,
      "'link.pt' is not a regular file",
      'git add',
    );
    rmSync(repo.path('link.pt'));
  });

  test('a folder in the place of a checkpoint', async () => {
    await repo.theta('track', 'folder.pt');
    mkdirSync(repo.path('folder.pt'));
    told(await theta(repo.dir, ['add', 'folder.pt']), 128, "'folder.pt'", 'git theta track');
    rmSync(repo.path('folder.pt'), { recursive: true });
  });

  test('text that was a manifest', async () => {
    repo.write('other.safetensors', '{"git-theta":1,"format":"safetensors"}\nbroken\n');
    await repo.theta('track', 'other.safetensors');
    const failed = await theta(repo.dir, ['add', 'other.safetensors']);
    told(failed, 128, /'other.safetensors': .*line 2/, 'git checkout -- other.safetensors');
    rmSync(repo.path('other.safetensors'));
  });

  test('a commit that is not here', async () => {
    told(await theta(repo.dir, ['fetch', 'absent']), 128, "'absent'", 'git fetch');
  });

  test('a remote that is not there', async () => {
    told(await theta(repo.dir, ['push', 'absent', 'main']), 128, "'absent' does not appear");
  });
});

describe('usage', () => {
  test.each([
    [['add'], "missing required argument 'path'", 'git theta add -h'],
    [['add', '--bogus', MODEL], "unknown option '--bogus'", 'git theta add -h'],
    [['bogus'], "unknown command 'bogus'", 'git theta -h'],
    [['fetch', '--remote'], "option '--remote", 'git theta fetch -h'],
  ])('git theta %j', async (args, why, help) => {
    told(await theta(repo.dir, args), 129, why, help);
  });

  test('as JSON', async () => {
    const { code, stdout } = await theta(repo.dir, ['add', '--json', '--bogus', MODEL]);
    expect(code).toBe(129);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, error: { code: 'ERR_THETA_USAGE' } });
  });

  test('a value of the configuration that means nothing', async () => {
    repo.write(MODEL, checkpoint(2, 2, 256));
    const failed = await repo.try('-c', 'theta.storeLink=magic', 'theta', 'add', MODEL);
    told(failed, 129, "theta.storeLink is 'magic'", 'auto, hard, reflink or copy');
  });
});

describe('programs', () => {
  const missing = 'exec false';
  const old = 'echo "git-lfs/2.13.2 (GitHub; linux amd64; go 1.15)"';

  test.each([
    ['missing', missing, /git-lfs (is|was) not (installed|found)/],
    ['too old', old, /git-lfs 2\.13\.2 is/],
  ])('git-lfs is %s', async (_, script, why) => {
    await replaced('git-lfs', script, async () => {
      told(await theta(repo.dir, ['install']), 128, why, /Install Git LFS 3\.3 or newer/);
      told(await theta(repo.dir, ['prune']), 128, why, /Install Git LFS 3\.3 or newer/);
      const remote = ['push', `file://${scratch.path('bare.git')}`, 'main'];
      told(await theta(repo.dir, remote), 128, why, /Install Git LFS 3\.3 or newer/);
      const plain = await repo.try(...remote);
      expect(plain.stderr).toMatch(why);
      expect(plain.stderr).toMatch(/^hint: Install Git LFS 3\.3 or newer/m);
      expect(plain.code).not.toBe(0);
      const doctor = await theta(repo.dir, ['doctor']);
      expect(doctor.stdout).toMatch(/^fail {2}git-lfs/m);
      expect(doctor.code).toBe(1);
    });
    const { stdout } = await scratch.git('--git-dir', scratch.path('bare.git'), 'branch');
    expect(stdout).toBe('');
  });

  test('git is too old', async () => {
    const git = (await scratch.run('sh', ['-c', 'command -v git'])).stdout.trim();
    const script = `case "$*" in *version) echo git version 2.30.2;; *) exec ${git} "$@";; esac`;
    await replaced('git', script, async () => {
      for (const args of [['add', MODEL], ['checkout'], ['install']]) {
        told(await theta(repo.dir, args), 128, /git 2\.30\.2 is/, /Install git 2\.39 or newer/);
      }
    });
  });

  test('git is missing', async () => {
    const script = join(CHECKOUT, 'bin', 'git-theta.js');
    const failed = await scratch.run(process.execPath, [script, 'status'], {
      cwd: repo.dir,
      check: false,
      env: { PATH: scratch.path('nowhere') },
    });
    told(failed, 128, 'git could not be started', /install git/i);
  });
});

describe('a clone without the filters', () => {
  let clone: ModelRepository;

  beforeAll(async () => {
    const env = { GIT_CONFIG_GLOBAL: scratch.path('plain.gitconfig') };
    await scratch.run('git', ['config', '--global', 'protocol.file.allow', 'always'], { env });
    const dir = scratch.path('plain');
    await scratch.run('git', ['clone', '--quiet', `file://${repo.dir}`, dir], { env });
    clone = new ModelRepository(scratch, dir);
  });

  const run = (...args: string[]) =>
    theta(clone.dir, args, { GIT_CONFIG_GLOBAL: scratch.path('plain.gitconfig') });

  test.each([['add', MODEL], ['checkout']])('git theta %s', async (...args) => {
    const why = `the filters of git-theta are not installed for '${clone.dir}'`;
    told(await run(...args), 128, why, 'git theta install');
  });

  test('the doctor finds it', async () => {
    const { code, stdout } = await run('doctor');
    expect(code).toBe(1);
    expect(stdout).toContain('git theta install');
  });

  test('what the hint says helps', async () => {
    await run('install', '--local');
    expect(await run('checkout')).toMatchObject({ code: 0, stderr: '' });
    const head = (await repo.git('cat-file', 'blob', `HEAD:${MODEL}`)).stdout;
    expect(clone.read(MODEL).toString()).not.toBe(head);
    expect(clone.read(MODEL).equals(checkpoint(1, 2, 256))).toBe(true);
  });
});

test('a finding is exit code 1, and no error', async () => {
  const fresh = await ModelRepository.create(scratch, 'findings');
  await fresh.theta('track', MODEL);
  await fresh.commit(MODEL, checkpoint(3, 2, 256));
  for (const oid of fresh.objects()) fresh.lose(oid);
  const found = await fresh.try('theta', 'fsck');
  expect(found.code).toBe(1);
  expect(found.stderr).not.toContain('error:');
  const { stdout } = await fresh.try('theta', 'fsck', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ schema: 1, ok: false });
});
