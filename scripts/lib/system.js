// Running other programs and installing system packages, for the set-up scripts. Plain node
// without dependencies: these scripts run before anything is installed. No shell is involved.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

const ROOT = resolve(__dirname, '../..');

/** An error whose message is all the user needs: printed without a stack. */
class SetupError extends Error {}

/** What `cmd` prints, trimmed, or undefined when it cannot be run or fails. */
function output(cmd, args, options = {}) {
  const done = spawnSync(cmd, args, { encoding: 'utf8', ...options });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

/** Runs `cmd` in the foreground; returns whether it succeeded. */
function succeeds(cmd, args, options = {}) {
  return spawnSync(cmd, args, { stdio: 'inherit', cwd: ROOT, ...options }).status === 0;
}

/** Runs `cmd` in the foreground and throws when it fails. */
function run(cmd, args, options = {}) {
  if (!succeeds(cmd, args, options)) throw new SetupError(`failed: ${[cmd, ...args].join(' ')}`);
}

/** The argv that runs npm without a shell: on Windows `npm` itself is a batch file. */
function npm(...args) {
  const bundled = join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js');
  const cli = [process.env.npm_execpath, bundled].find((p) => p?.endsWith('.js') && existsSync(p));
  return cli ? [process.execPath, [cli, ...args]] : ['npm', args];
}

/** The first dotted number in `text` as an array, e.g. [2, 47, 3]. */
function version(text) {
  return text
    ?.match(/\d+(\.\d+)+/)?.[0]
    .split('.')
    .map(Number);
}

/** Is version `have` at least `want`? */
function atLeast(have, want) {
  if (!have) return false;
  for (const [i, n] of version(want).entries()) {
    if ((have[i] ?? 0) !== n) return (have[i] ?? 0) > n;
  }
  return true;
}

// `update` refreshes the package lists, where the tool does not do that by itself. The lock time-out
// waits for another apt run instead of failing.
const APT = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];
APT.push('-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0');
const MANAGERS = [
  {
    tool: 'apt-get',
    update: [...APT, 'update'],
    install: [...APT, 'install', '-y', '--no-install-recommends'],
    knows: (name) => output('apt-cache', ['show', '--no-all-versions', name]) !== undefined,
    names: { cc: 'build-essential', python: 'python3-venv' },
  },
  {
    tool: 'dnf',
    install: ['dnf', 'install', '-y'],
    names: { cc: 'gcc-c++', python: 'python3' },
  },
  {
    tool: 'pacman',
    update: ['pacman', '-Sy', '--noconfirm'],
    install: ['pacman', '-S', '--needed', '--noconfirm'],
    names: { cc: 'base-devel', python: 'python' },
  },
  {
    tool: 'zypper',
    install: ['zypper', '--non-interactive', 'install'],
    names: { cc: 'gcc-c++', python: 'python3' },
  },
  {
    tool: 'apk',
    update: ['apk', 'update'],
    install: ['apk', 'add'],
    names: { cc: 'build-base', python: 'python3' },
  },
  {
    tool: 'brew',
    install: ['brew', 'install'],
    unprivileged: true,
    names: { python: 'python3' },
  },
];

const isRoot = () => process.getuid?.() === 0;

/** The system's package manager, or undefined. `names` maps our names to its package names. */
function packageManager() {
  return MANAGERS.find(({ tool }) => output(tool, ['--version']) !== undefined);
}

/** The argv with sudo in front where it is needed; undefined where that is not possible. */
function privileged(manager, argv) {
  if (manager.unprivileged || isRoot()) return argv;
  if (output('sudo', ['-V']) === undefined) return undefined;
  // Without a terminal nobody can type a password: fail at once instead of waiting.
  return process.stdin.isTTY ? ['sudo', ...argv] : ['sudo', '-n', ...argv];
}

/** The command a person would type to install `name`, for error messages. */
function installCommand(name) {
  const manager = packageManager();
  if (!manager) return undefined;
  const argv = [...manager.install, manager.names[name] ?? name].filter((word) => word !== '-y');
  const plain = manager.tool === 'apt-get' ? ['apt-get', 'install', argv.at(-1)] : argv;
  return [...(manager.unprivileged || isRoot() ? [] : ['sudo']), ...plain].join(' ');
}

/** Installs a system package, saying first what will be run. Returns whether it is installed. */
function installPackage(name) {
  const manager = packageManager();
  if (!manager) return false;
  const packageName = manager.names[name] ?? name;
  const install = privileged(manager, [...manager.install, packageName]);
  if (!install) return false;
  const visibly = ([cmd, ...args]) => {
    console.log(`running: ${[cmd, ...args].join(' ')}`);
    return succeeds(cmd, args);
  };
  const update = manager.update && privileged(manager, manager.update);
  const known = manager.knows?.(packageName) ?? true;
  if (known && visibly(install)) return true;
  // Unknown, or gone from the mirror under the version in an old list.
  return update !== undefined && visibly(update) && visibly(install);
}

/** Runs a script's main function; a SetupError is printed as one message. */
function main(body) {
  try {
    body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}

module.exports = {
  ROOT,
  SetupError,
  atLeast,
  installCommand,
  installPackage,
  isRoot,
  main,
  npm,
  output,
  run,
  succeeds,
  version,
};
