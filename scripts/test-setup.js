// `npm run test:setup`, also run by `npm test`: brings what the tests need beyond the build into
// `.test-env/`, and records in `.test-env/parts.json` what is there (read by
// `__test__/support/env.ts`).
//
//   required   a Python venv with the Zarr and safetensors readers and the LFS server; a reader built
//              on zarrs (native/interop)
//   optional   a Python that imports torch; a current git-lfs beside the system's
//
// A missing optional part is printed as `skipped: <what>: <why>`, here and on every later run.
// Nothing is done again until an input changes; `--force` looks again for optional parts.
const { createHash } = require('node:crypto');
const {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} = require('node:fs');
const { join } = require('node:path');
const {
  ROOT,
  SetupError,
  atLeast,
  installCommand,
  installPackage,
  isRoot,
  main,
  output,
  run,
  version,
} = require('./lib/system');

const ENV = join(ROOT, '.test-env');
const PARTS = join(ENV, 'parts.json');
const REQUIREMENTS = join(ROOT, '__test__/support/requirements.txt');
const INTEROP = join(ROOT, 'native/interop');
const INTEROP_INPUTS = ['Cargo.toml', 'Cargo.lock', 'src/main.rs'].map((name) =>
  join(INTEROP, name),
);
const windows = process.platform === 'win32';
const venvPython = join(ENV, 'venv', windows ? 'Scripts/python.exe' : 'bin/python');

/** Stands for everything the result depends on that may change under us. */
function stamp() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${ENV}`);
  const inputs = [__filename, require.resolve('./lib/system'), REQUIREMENTS, ...INTEROP_INPUTS];
  for (const file of inputs) hash.update(readFileSync(file));
  return hash.digest('hex');
}

/** What an earlier run recorded, when it still holds. */
function recorded(key) {
  try {
    const parts = JSON.parse(readFileSync(PARTS, 'utf8'));
    const there = [parts.python, parts.zarrs, parts.torchPython, parts.gitLfs].filter(
      (path) => path !== undefined,
    );
    return parts.key === key && there.every((path) => existsSync(path)) ? parts : undefined;
  } catch {
    return undefined;
  }
}

const isDebian = () =>
  existsSync('/etc/debian_version') && output('dpkg', ['--version']) !== undefined;

/** A Python that the pinned packages support. */
function basePython() {
  const names = ['python3', 'python', '3.13', '3.12', '3.11', '3.14'].map((name) =>
    name.startsWith('3') ? `python${name}` : name,
  );
  // Ask the interpreter itself: version managers put shims on PATH that may lead nowhere.
  const ask = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  return names.find((name) => atLeast(version(output(name, ['-c', ask])), '3.11'));
}

function makeVenv() {
  if (!basePython()) installPackage('python');
  const python = basePython();
  if (!python) {
    const command = installCommand('python');
    throw new SetupError(
      `the tests need Python >= 3.11 with venv${command ? `\nhint: ${command}` : ''}`,
    );
  }
  rmSync(join(ENV, 'venv'), { recursive: true, force: true });
  console.log(`test environment: Python packages into ${join(ENV, 'venv')}`);
  run(python, ['-m', 'venv', join(ENV, 'venv')]);
  run(venvPython, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    REQUIREMENTS,
  ]);
  return venvPython;
}

/** The reader on zarrs, which takes a few minutes to build. */
function makeZarrsReader() {
  const root = join(ENV, 'zarrs');
  console.log(`test environment: a Zarr reader on zarrs into ${root}`);
  run('cargo', [
    'install',
    '--quiet',
    '--locked',
    '--debug',
    '--force',
    '--path',
    INTEROP,
    '--root',
    root,
  ]);
  return join(root, 'bin', windows ? 'git-theta-interop.exe' : 'git-theta-interop');
}

/** A Python that imports torch: any that is here, else Debian's, which is small and needs no GPU. */
function findTorch(skip) {
  const importsTorch = (python) =>
    output(python, ['-c', 'import sys, torch; print(sys.executable)']);
  const search = () =>
    [process.env.GIT_THETA_TEST_TORCH, 'python3', '/usr/bin/python3']
      .filter(Boolean)
      .map(importsTorch)
      .find((path) => path);
  const here = search();
  if (here) return here;
  const what = 'checks against torch';
  const hint = 'set GIT_THETA_TEST_TORCH to one, then: npm run test:setup -- --force';
  if (!isDebian() || !isRoot()) return skip(what, `no Python here imports torch (${hint})`);
  installPackage('python3-torch');
  return search() ?? skip(what, 'python3-torch could not be installed');
}

/** The mirror this machine's own apt takes Debian from. */
function debianMirror() {
  const format = '$(CREATED_BY)|$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)';
  const targets = output('apt-get', ['indextargets', '--format', format]) ?? '';
  const isMain = ([by, origin, component, release]) =>
    by === 'Packages' && origin === 'Debian' && component === 'main' && !release.includes('-');
  return targets
    .split('\n')
    .map((line) => line.split('|'))
    .find(isMain)
    ?.at(-1);
}

/**
 * Fetches git-lfs of a Debian suite and extracts it below `target`, without touching the system's
 * package lists. Returns undefined, or why it cannot be used.
 */
function extractGitLfs(mirror, suite, target) {
  const apt = join(ENV, 'apt');
  for (const dir of [apt, target]) rmSync(dir, { recursive: true, force: true });
  for (const dir of ['lists/partial', 'cache/archives/partial', 'empty'])
    mkdirSync(join(apt, dir), { recursive: true });
  writeFileSync(join(apt, 'sources.list'), `deb ${mirror} ${suite} main\n`);
  const flags = Object.entries({
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferencesparts': join(apt, 'empty'),
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::Cache': join(apt, 'cache'),
    'Acquire::Languages': 'none',
    // apt drops to a user that may not be able to write here.
    'APT::Sandbox::User': '',
  }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  try {
    const done = (...args) => output('apt-get', [...flags, ...args], { cwd: apt }) !== undefined;
    if (!done('update') || !done('download', 'git-lfs')) return 'cannot be fetched';
    const deb = readdirSync(apt).find((name) => name.endsWith('.deb'));
    if (output('dpkg-deb', ['-x', join(apt, deb), target]) === undefined)
      return 'cannot be extracted';
    // It may need a newer libc than this system has.
    return output(join(target, 'usr/bin/git-lfs'), ['version']) ? undefined : 'does not run here';
  } finally {
    rmSync(apt, { recursive: true, force: true });
  }
}

/** A current git-lfs beside the system's. */
function currentGitLfs(skip) {
  const what = 'checks with a second, current git-lfs';
  if (!isDebian()) return skip(what, 'only Debian offers one beside the installed one');
  const mirror = debianMirror();
  if (!mirror) return skip(what, 'apt names no Debian mirror (run apt-get update?)');
  const target = join(ENV, 'git-lfs-current');
  const problems = [];
  for (const suite of ['sid', 'trixie']) {
    console.log(`test environment: git-lfs of Debian ${suite} into ${target}`);
    const problem = extractGitLfs(mirror, suite, target);
    if (!problem) return join(target, 'usr/bin/git-lfs');
    problems.push(`${suite}: ${problem}`);
  }
  return skip(what, problems.join(', '));
}

main(() => {
  const key = stamp();
  const earlier = process.argv.includes('--force') ? undefined : recorded(key);
  const parts = earlier ?? { key, skipped: [] };
  if (!earlier) {
    const skip = (what, why) => {
      parts.skipped.push(`${what}: ${why}`);
      return undefined;
    };
    mkdirSync(ENV, { recursive: true });
    parts.python = makeVenv();
    parts.zarrs = makeZarrsReader();
    parts.torchPython = findTorch(skip);
    parts.gitLfs = currentGitLfs(skip);
    writeFileSync(PARTS, `${JSON.stringify(parts, null, 2)}\n`);
  }
  for (const line of parts.skipped) console.log(`skipped: ${line}`);
});
