// The second half of `npm test`: the Rust tests, jest, then pytest. The last line is exactly
// `N passed, N failed`, and the exit code agrees with it.
//
//   npm test                             everything
//   npm test -- --rust                   the Rust tests only
//   npm test -- --js [jest arguments]    jest only, for example: npm test -- --js lfs
//   npm test -- --python [arguments]     pytest only
const { spawn } = require('node:child_process');
const { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { ROOT, npm, output } = require('./lib/system');

const total = { passed: 0, failed: [], skipped: [] };

/** Runs a command with its output shown; resolves to its exit code and what it printed. */
function show(cmd, args) {
  return new Promise((resolve) => {
    const child = spawn(cmd, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (data) => {
      process.stdout.write(data);
      printed += data;
    });
    child.on('error', (error) => console.error(`${cmd}: ${error.message}`));
    child.on('close', (code) => resolve({ ok: code === 0, printed }));
  });
}

/** Adds a runner's counts. One that fails without a failed test, or leaves no report, counts too. */
function add(runner, ok, counts) {
  const { passed = 0, failed = [], skipped = [] } = counts ?? {};
  total.passed += passed;
  total.failed.push(...failed);
  total.skipped.push(...skipped);
  if (failed.length === 0 && !(ok && counts)) total.failed.push(`${runner}: did not finish`);
}

/** What a report of nextest or pytest says. */
function fromJunit(path) {
  const cases = readFileSync(path, 'utf8').split('<testcase ').slice(1);
  const name = (text) =>
    text.match(/classname="([^"]*)"/)[1].concat(' ', text.match(/(?:^| )name="([^"]*)"/)[1]);
  const failed = cases.filter((text) => /<(failure|error)\b/.test(text));
  const skipped = cases.filter((text) => /<skipped\b/.test(text));
  return {
    passed: cases.length - failed.length - skipped.length,
    failed: failed.map(name),
    skipped: skipped.map(name),
  };
}

/** What `cargo test` printed. */
function fromCargo(printed) {
  const names = (outcome) =>
    [...printed.matchAll(/^test (.*) \.\.\. (\w+)/gm)]
      .filter((m) => m[2] === outcome)
      .map((m) => m[1]);
  return { passed: names('ok').length, failed: names('FAILED'), skipped: names('ignored') };
}

async function rustTests() {
  const flags = ['--locked', '--workspace'];
  if (output('cargo', ['nextest', '--version']) === undefined) {
    const { ok, printed } = await show('cargo', [
      'test',
      '--profile',
      'ci',
      '--no-fail-fast',
      ...flags,
    ]);
    add('cargo test', ok, fromCargo(printed));
    return;
  }
  const report = join(ROOT, 'target/nextest/ci/junit.xml');
  rmSync(report, { force: true });
  const profiles = ['--cargo-profile', 'ci', '--profile', 'ci'];
  const { ok } = await show('cargo', ['nextest', 'run', ...profiles, ...flags]);
  add('cargo nextest', ok, readIf(report, fromJunit));
  // nextest leaves the examples in the documentation to cargo.
  const docs = await show('cargo', ['test', '--doc', '--profile', 'ci', ...flags]);
  add('cargo test --doc', docs.ok, fromCargo(docs.printed));
}

function readIf(path, read) {
  try {
    return read(path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** What jest's report says. */
function fromJest(path) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const tests = report.testResults.flatMap((suite) => suite.assertionResults);
  const named = (...outcomes) =>
    tests.filter(({ status }) => outcomes.includes(status)).map(({ fullName }) => fullName);
  // A file that does not load has no tests.
  const broken = report.testResults.filter((suite) => {
    return (
      suite.status === 'failed' && !suite.assertionResults.some(({ status }) => status === 'failed')
    );
  });
  return {
    passed: named('passed').length,
    failed: [...named('failed'), ...broken.map(({ name }) => `${name}: does not run`)],
    skipped: named('pending', 'todo', 'disabled'),
  };
}

/** Is the addon older than what it is built from? */
function addonIsStale() {
  const native = join(ROOT, 'native');
  const built = readdirSync(native).filter((name) => name.endsWith('.node'));
  if (built.length === 0) return true;
  const sources = readdirSync(native, { recursive: true })
    // `interop` is no part of the addon, and building it makes sources in its target folder.
    .filter((name) => /\.rs$|Cargo\.toml$/.test(name) && !name.startsWith('interop'))
    .map((name) => join(native, name));
  const changed = (path) => statSync(path).mtimeMs;
  const oldest = Math.min(...built.map((name) => changed(join(native, name))));
  return [...sources, join(ROOT, 'Cargo.lock')].some((path) => changed(path) > oldest);
}

async function jsTests(args) {
  // jest runs the programs in bin/ as users do: built.
  if (addonIsStale()) {
    console.log(
      'the addon is older than its sources; building it (`npm run setup` for the release)',
    );
    const build = await show(...npm('run', '--silent', 'build:native', '--', '--profile', 'ci'));
    if (!build.ok) return add('native build', false);
  }
  const compiled = await show(...npm('run', '--silent', 'build:ts'));
  if (!compiled.ok) return add('tsc', false);
  const dir = mkdtempSync(join(tmpdir(), 'git-theta-jest-'));
  const report = join(dir, 'report.json');
  try {
    const jest = require.resolve('jest/bin/jest');
    const { ok } = await show(process.execPath, [jest, '--json', '--outputFile', report, ...args]);
    add('jest', ok, readIf(report, fromJest));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The Python package's, in the environment that scripts/test-setup.js made. */
async function pythonTests(args) {
  const { python } = JSON.parse(readFileSync(join(ROOT, '.test-env/parts.json'), 'utf8'));
  const dir = mkdtempSync(join(tmpdir(), 'git-theta-pytest-'));
  const report = join(dir, 'junit.xml');
  try {
    const flags = ['-m', 'pytest', '-q', '-c', 'python/pyproject.toml', '-p', 'no:cacheprovider'];
    const where = args.length > 0 ? args : ['python/tests'];
    const { ok } = await show(python, [...flags, `--junitxml=${report}`, ...where]);
    add('pytest', ok, readIf(report, fromJunit));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function main(args) {
  const only = ['--rust', '--js', '--python'].find((flag) => args[0] === flag);
  const runs = (flag) => !only || only === flag;
  if (runs('--rust')) await rustTests();
  if (runs('--js')) await jsTests(only ? args.slice(1) : args);
  // Without a flag the arguments are jest's.
  if (runs('--python')) await pythonTests(only ? args.slice(1) : []);
  if (total.passed === 0 && total.failed.length === 0) total.failed.push('no test ran');
  for (const name of total.skipped) console.log(`skipped: ${name}`);
  for (const name of total.failed) console.log(`FAILED: ${name}`);
  console.log(`${total.passed} passed, ${total.failed.length} failed`);
  process.exitCode = total.failed.length ? 1 : 0;
}

main(process.argv.slice(2));
