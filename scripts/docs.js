// Writes man/ and docs/reference/ from the definitions of the commands, and the list of man pages
// in package.json. `--check` writes nothing and fails when a file is missing, stale or left over.
// Needs dist/: run it with `npm run docs` or `npm run docs:check`.
const { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

const root = resolve(__dirname, '..');
const check = process.argv.includes('--check');

function read(path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

function list(folder) {
  try {
    return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

async function main() {
  const { manualFiles } = require('../dist/cli/docs/manual.js');
  const files = await manualFiles();
  const pages = [...files.keys()].filter((path) => path.startsWith('man/')).sort();
  const manifest = JSON.parse(read('package.json'));
  const man = pages.map((path) => `./${path}`);
  if (JSON.stringify(manifest.man) !== JSON.stringify(man))
    files.set('package.json', `${JSON.stringify({ ...manifest, man }, null, 2)}\n`);

  const stale = [...files].filter(([path, content]) => read(path) !== content);
  const left = [...list('man'), ...list('docs/reference')].filter((path) => !files.has(path));
  for (const [path, content] of stale) {
    if (check) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  for (const path of left) if (!check) rmSync(join(root, path));

  for (const [path] of stale) console.log(`${check ? 'stale' : 'wrote'}: ${path}`);
  for (const path of left) console.log(`${check ? 'left over' : 'removed'}: ${path}`);
  if (check && stale.length + left.length > 0) {
    console.log('The manual is not current: run `npm run docs` and commit the result.');
    process.exitCode = 1;
  }
}

main();
