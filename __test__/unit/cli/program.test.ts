import { readFileSync } from 'node:fs';
import { GROUPS, rowsOf } from '../../../src/cli/commands/table';
import { run } from './run';

beforeAll(() => {
  process.env.NO_COLOR = '1';
});

test('the help shows the commands in their groups', async () => {
  const { code, stdout } = await run('-h');
  expect(code).toBe(0);
  let at = 0;
  for (const group of GROUPS) {
    const rows = rowsOf(group);
    expect(rows.length).toBeGreaterThan(0);
    at = stdout.indexOf(`\n${group}:\n`, at);
    expect(at).toBeGreaterThan(0);
    for (const { name, summary } of rows) {
      expect(stdout.slice(at)).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
    }
  }
});

test('no command prints the help on standard error, as wrong usage', async () => {
  const { code, stdout, stderr } = await run();
  expect(code).toBe(129);
  expect(stdout).toBe('');
  expect(stderr).toContain('Usage: git theta <command> [<args>]');
});

test.each([
  'install',
  'uninstall',
  'track',
  'untrack',
  'doctor',
  'env',
  'completion',
  'help',
  'version',
])('the usage of %s', async (name) => {
  const { code, stdout, stderr } = await run(name, '-h');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatchSnapshot();
});

test('an unknown command gets a suggestion', async () => {
  expect(await run('trakc')).toEqual({
    code: 129,
    stdout: '',
    stderr: "error: unknown command 'trakc'\nhint: Did you mean track?\n",
  });
});

test('a family without a command prints its commands, as wrong usage', async () => {
  const { code, stdout, stderr } = await run('provenance');
  expect({ code, stdout }).toEqual({ code: 129, stdout: '' });
  expect(stderr).toContain('Usage: git theta provenance <command> [<args>]');
  expect(stderr).toMatch(/^ {2}sign /m);
  expect(await run('provenance', '-h')).toMatchObject({ code: 0, stderr: '' });
});

test('a command of a family has its usage and its manual', async () => {
  const usage = await run('provenance', 'keygen', '-h');
  expect(usage.code).toBe(0);
  expect(usage.stdout).toContain('Usage: git theta provenance keygen [options] <out>');
  const manual = await run('provenance', 'keygen', '--help');
  expect(manual.stdout).toContain('git theta provenance keygen [<options>] <out>');
  expect(await run('help', 'provenance', 'keygen')).toEqual(manual);
  expect((await run('help', 'provenance')).stdout).toContain('git theta provenance sign');
});

test('an unknown command of a family gets a suggestion', async () => {
  expect(await run('provenance', 'sing')).toEqual({
    code: 129,
    stdout: '',
    stderr: "error: unknown command 'sing'\nhint: Did you mean sign?\n",
  });
});

test('an unknown option gets the way to the usage', async () => {
  expect(await run('track', '--frobnicate')).toEqual({
    code: 129,
    stdout: '',
    stderr:
      "error: unknown option '--frobnicate'\nhint: Run 'git theta track -h' to see the usage.\n",
  });
});

test.each([
  [['untrack'], "missing required argument 'pattern'"],
  [['completion', 'tcsh'], "command-argument value 'tcsh' is invalid"],
  [['install', '--global', '--local'], "cannot be used with option '--local'"],
  [['install', '--file'], 'argument missing'],
  [['help', 'nothing'], "there is no command 'nothing'"],
  [['version', 'x'], 'too many arguments'],
])('%j is wrong usage', async (argv, message) => {
  const { code, stdout, stderr } = await run(...argv);
  expect({ code, stdout }).toEqual({ code: 129, stdout: '' });
  expect(stderr).toContain(`error: `);
  expect(stderr).toContain(message);
});

test('with --json an error is a document on standard output', async () => {
  const { code, stdout, stderr } = await run('track', '--json', '--frobnicate');
  expect({ code, stderr }).toEqual({ code: 129, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    schema: 1,
    error: {
      code: 'ERR_THETA_USAGE',
      message: "unknown option '--frobnicate'",
      hint: "Run 'git theta track -h' to see the usage.",
    },
  });
});

test('--json after -- is a file, not an option', async () => {
  const { stdout, stderr } = await run('track', '--frobnicate', '--', '--json');
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^error: /);
});

test('-- ends the options of a command that has none before it, too', async () => {
  const { code, stderr } = await run('inspect', '--', '-no-such-file');
  expect(code).not.toBe(129);
  expect(stderr).toMatch(/^error: .*-no-such-file/);
});

test('--help prints the manual, as git theta help does', async () => {
  const manual = await run('help', 'track');
  expect(manual.code).toBe(0);
  expect(manual.stdout).toMatch(/^NAME\n {4}git-theta-track - /);
  expect(await run('track', '--help')).toEqual(manual);
  expect((await run('help')).stdout).toMatch(/^NAME\n {4}git-theta - /);
});

test('version', async () => {
  const { stdout } = await run('version');
  expect(stdout).toMatch(/^git-theta version \d+\.\d+\.\d+\n$/);
  expect((await run('--version')).stdout).toBe(stdout);
  expect(JSON.parse((await run('version', '--json')).stdout)).toMatchObject({ schema: 1 });
});

test('a signal handler is left behind by no command', async () => {
  const before = process.listenerCount('SIGINT');
  await run('version');
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('the callback for Lightning is the file of the Python package', async () => {
  const { code, stdout, stderr } = await run('provenance', 'lightning-callback');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(readFileSync('python/src/git_theta_callback.py', 'utf8'));
});
