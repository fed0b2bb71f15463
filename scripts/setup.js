// `npm run setup`: checks the tools that git-theta is built with, installs those the system's
// package manager has, builds the release and links `git-theta` into a prefix, so that
// `git theta` works. PREFIX chooses the prefix (default: ~/.local). Running it again is harmless.
//
//   --tools-only   stop after the tools
const { readFileSync } = require('node:fs');
const { homedir } = require('node:os');
const { delimiter, join, resolve } = require('node:path');
const {
  ROOT,
  SetupError,
  atLeast,
  installCommand,
  installPackage,
  main,
  npm,
  output,
  run,
  version,
} = require('./lib/system');

const windows = process.platform === 'win32';
const rust = readFileSync(join(ROOT, 'Cargo.toml'), 'utf8').match(/rust-version = "(.*)"/)[1];
const node = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).engines.node;

const byHand = (what) => () => `install ${what}`;
const byPackage = (name) => () =>
  installCommand(name) ?? `install ${name} with your package manager`;

// Each tool: how it tells its version, the oldest that works, and how to get it. `install` names
// the system package to try.
const TOOLS = [
  {
    name: 'node',
    found: () => process.version,
    want: node.replace('>=', ''),
    help: byHand(`Node.js ${node}`),
  },
  {
    name: 'cargo',
    found: () => output('cargo', ['--version']),
    want: rust,
    help: byHand(`Rust >= ${rust} with rustup (or, if you have rustup: rustup update stable)`),
  },
  {
    name: 'git',
    found: () => output('git', ['--version']),
    want: '2.39',
    install: 'git',
    help: byPackage('git'),
  },
  {
    name: 'C compiler',
    // On Windows cargo finds the Visual Studio tools by itself and reports when they are missing.
    found: () => (windows ? 'any' : (output('cc', ['--version']) ?? output('gcc', ['--version']))),
    install: 'cc',
    help: () =>
      process.platform === 'darwin'
        ? 'run: xcode-select --install'
        : `run: ${installCommand('cc')}`,
  },
  {
    name: 'git-lfs',
    found: () => output('git', ['lfs', 'version']),
    want: '3.3',
    install: 'git-lfs',
    help: byPackage('git-lfs'),
  },
];

function tools() {
  for (const { name, found, want, install, help } of TOOLS) {
    const suits = (text) => text !== undefined && (!want || atLeast(version(text), want));
    let text = found();
    if (!suits(text) && install) {
      console.log(`${name}${want ? ` >= ${want}` : ''} is ${text ? 'too old here' : 'missing'}`);
      installPackage(install);
      text = found();
    }
    if (!suits(text)) {
      const has = text ? `, found: ${text.split('\n')[0]}` : ' and was not found';
      throw new SetupError(`${name}${want ? ` >= ${want}` : ''} is needed${has}\nhint: ${help()}`);
    }
    console.log(`found: ${name} ${version(text)?.join('.') ?? ''}`.trimEnd());
  }
}

function buildAndLink() {
  run(...npm('run', '--silent', 'build'));
  const prefix = resolve(process.env.PREFIX || join(homedir(), '.local'));
  run(...npm('install', '--silent', '--global', '--prefix', prefix, '.'));
  const bin = windows ? prefix : join(prefix, 'bin');
  console.log(`installed: ${join(bin, 'git-theta')}`);
  if (!(process.env.PATH ?? '').split(delimiter).includes(bin)) {
    console.log(`note: ${bin} is not on your PATH; add it so that git finds \`git theta\`:`);
    console.log(windows ? `  setx PATH "%PATH%;${bin}"` : `  export PATH="${bin}:$PATH"`);
  }
}

main(() => {
  tools();
  if (!process.argv.includes('--tools-only')) buildAndLink();
});
