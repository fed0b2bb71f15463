// `git theta provenance run` as a process: streams, exit codes, signals, and where the command begins.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { git, posix, script, stampOf, training, write } from './run-support';

const BIN = resolve(__dirname, '../../../bin/git-theta.js');
const onPosix = posix ? test : test.skip;

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function theta(cwd: string, ...args: string[]): { pid: number; ended: Promise<Ended> } {
  // Jest gives a test an environment of its own, which children do not see by themselves.
  const { GIT_THETA_TRACE: _, ...env } = process.env;
  const child = spawn(process.execPath, [BIN, 'provenance', 'run', ...args], { cwd, env });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    written.stdout += data;
  });
  child.stderr.on('data', (data) => {
    written.stderr += data;
  });
  const ended = new Promise<Ended>((done) =>
    child.on('close', (code) => done({ code, ...written })),
  );
  return { pid: child.pid as number, ended };
}

const run = (cwd: string, ...args: string[]) => theta(cwd, ...args).ended;

test("standard output is the command's, the summary goes to standard error", async () => {
  const dir = training();
  const body = `console.log('out'); console.error('err');
    copy(SAFETENSORS, 'a.safetensors'); fs.writeFileSync('b.pt', fs.readFileSync(TORCH).subarray(0, 9000));
    process.exit(3)`;
  const { code, stdout, stderr } = await run(dir, '--', ...script(body));
  expect(stdout).toBe('out\n');
  expect(stderr.split('\n')).toEqual([
    'err',
    expect.stringMatching(/^warning: not stamped: .*b\.pt: zip: no end record/),
    'git-theta: 1 checkpoint stamped, 0 failed, 1 skipped',
    '',
  ]);
  expect(code).toBe(3);
  expect((await stampOf(dir, 'a.safetensors')).run?.ended).toEqual(expect.any(String));
});

test('a zip is stamped while the command runs', async () => {
  const dir = training();
  const { code, stderr } = await run(
    dir,
    '--',
    ...script(`copy(TORCH, 'a.pt'); await until(() => stamped('a.pt'))`),
  );
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'git-theta: 1 checkpoint stamped, 0 failed\n',
  });
});

test('the gate refuses with 125, and so does a folder without a repository', async () => {
  const dir = training();
  write(dir, 'train.py', 'print(2)\n');
  const body = `fs.writeFileSync('made.log', '')`;
  const { code, stdout, stderr } = await run(dir, '--mode', 'strict', '--', ...script(body));
  expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
  expect(stderr).toBe(
    'error: a file of code differs from the commit (content): train.py\nhint: Commit the code before you train.\n',
  );
  const outside = await run(resolve(dir, '..'), '--', ...script(body));
  expect(outside).toMatchObject({
    code: 125,
    stdout: '',
    stderr: expect.stringMatching(/^error: /),
  });
  expect(existsSync(join(dir, 'made.log'))).toBe(false);
});

test('options behind the command belong to it, with and without --', async () => {
  const dir = training();
  const words = ['-v', '--mode', 'x', '--json', '--', '--help', '-h'];
  const show = script('console.log(JSON.stringify(process.argv.slice(1)))', ...words);
  for (const args of [
    ['--', ...show],
    ['--mode', 'strict', '--', ...show],
  ]) {
    const { code, stdout } = await run(dir, ...args);
    expect({ code, words: JSON.parse(stdout) }).toEqual({ code: 0, words });
  }
  const bare = await run(dir, process.execPath, '-p', '"x"');
  expect(bare).toMatchObject({ code: 0, stdout: 'x\n' });
});

test('wrong usage, and commands that cannot be started', async () => {
  const dir = training();
  for (const args of [
    [],
    ['--'],
    ['--mode', 'lenient', '--', 'true'],
    ['--frobnicate', '--', 'true'],
  ])
    expect(await run(dir, ...args)).toMatchObject({ code: 129, stdout: '' });
  expect(await run(dir, '--', 'git-theta-no-such-program')).toEqual({
    code: 127,
    stdout: '',
    stderr: 'error: git-theta-no-such-program: no such program\n',
  });
});

test('--snapshot keeps the code, but not the file of --json', async () => {
  const dir = training();
  const args = ['--snapshot', '--json', 'report.json', '--', ...script(`copy(TORCH, 'a.pt')`)];
  const report = () => JSON.parse(readFileSync(join(dir, 'report.json'), 'utf8'));
  expect(await run(dir, ...args)).toMatchObject({ code: 0 });
  expect(report().changes).toBeNull();
  rmSync(join(dir, 'report.json'));
  write(dir, 'train.py', 'print(2)\n');
  const { code, stderr } = await run(dir, ...args);
  const { changes } = await stampOf(dir, 'a.pt');
  expect(report().changes).toEqual(changes);
  expect({ code, lines: stderr.split('\n') }).toEqual({
    code: 0,
    lines: [
      'warning: a file of code differs from the commit (content): train.py',
      `git-theta: uncommitted code is kept as snapshot ${changes?.snapshot_commit}`,
      'git-theta: 1 checkpoint stamped, 0 failed',
      '',
    ],
  });
  const kept = git(dir, 'diff', '--name-only', 'HEAD', changes?.snapshot_commit as string);
  expect(kept).toBe('train.py\n');
});

test('--json writes a file; one that cannot be written is known before', async () => {
  const dir = training();
  const body = `copy(TORCH, 'new.pt')`;
  const { code, stdout } = await run(dir, '--json', 'run.log', '--', ...script(body));
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(JSON.parse(readFileSync(join(dir, 'run.log'), 'utf8'))).toMatchObject({
    schema: 1,
    exitCode: 0,
    refused: false,
    gate: { ok: true },
    run: { ended: expect.any(String), changed_during_run: false },
    files: [{ path: join(dir, 'new.pt'), result: 'stamped', stamp: { where: 'file' } }],
  });
  const size = statSync(join(dir, 'new.pt')).size;
  const late = await run(dir, '--json', 'no/such/file', '--', ...script(body));
  expect(late).toMatchObject({
    code: 125,
    stderr: expect.stringMatching(/^error: no\/such\/file: /),
  });
  expect(statSync(join(dir, 'new.pt')).size).toBe(size);
});

onPosix(
  'a signal ends the command, which may save, and then the checkpoints are stamped',
  async () => {
    for (const [name, body, code] of [
      ['SIGTERM', '', 143],
      [
        'SIGINT',
        `process.on('SIGINT', async () => { await sleep(1500); copy(TORCH, 'saved.pt'); process.exit(5); });`,
        5,
      ],
    ] as const) {
      const dir = training();
      const { pid, ended } = theta(
        dir,
        '--',
        ...script(
          `${body} copy(SAFETENSORS, 'a.safetensors'); fs.writeFileSync('begun.log', ''); await sleep(60000)`,
        ),
      );
      while (!existsSync(join(dir, 'begun.log'))) await new Promise((done) => setTimeout(done, 20));
      process.kill(pid, name);
      const { code: found, stderr } = await ended;
      const number = name === 'SIGINT' ? '2 checkpoints' : '1 checkpoint';
      expect({ found, stderr }).toEqual({
        found: code,
        stderr: `git-theta: ${number} stamped, 0 failed\n`,
      });
      expect((await stampOf(dir, 'a.safetensors')).run?.end_state?.code_dirty).toBe(false);
    }
  },
);
