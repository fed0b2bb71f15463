// Imports point one way, in both languages: docs/concepts.md has the picture.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { CHECKOUT } from '../support/env';

function files(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

/** From the bottom to the top: a folder imports only itself and what stands before it. */
const TYPESCRIPT = [
  ['errors', 'failure', 'version'],
  ['native'],
  ['manifest', 'git', 'lfs'],
  ['store'],
  ['filter'],
  ['hooks', 'road', 'config', 'merge', 'provenance', 'api'],
  ['index'],
  ['cli'],
];

test('TypeScript folders import downwards', () => {
  const root = join(CHECKOUT, 'src');
  const rank = new Map(TYPESCRIPT.flatMap((names, at) => names.map((name) => [name, at])));
  const of = (path: string) => (relative(root, path).split(sep)[0] ?? '').replace(/\.ts$/, '');
  const wrong: string[] = [];
  let seen = 0;
  for (const file of files(root, '.ts')) {
    const text = readFileSync(file, 'utf8');
    for (const [, from = ''] of text.matchAll(/(?:from|import|require)\s*\(?\s*'(\.[^']+)'/g)) {
      const target = resolve(dirname(file), from);
      if (!target.startsWith(root + sep)) continue;
      seen++;
      const [low, high] = [rank.get(of(target)), rank.get(of(file))];
      if (low === undefined || high === undefined || low > high)
        wrong.push(`${relative(root, file)} imports ${from}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(100);
});

test('Rust modules use only modules that are declared before them', () => {
  const root = join(CHECKOUT, 'native/core/src');
  const lib = readFileSync(join(root, 'lib.rs'), 'utf8');
  const order = [...lib.matchAll(/^pub mod (\w+);/gm)].map(([, name]) => name);
  expect(order.length).toBeGreaterThan(10);
  const wrong: string[] = [];
  let seen = 0;
  for (const file of files(root, '.rs')) {
    const own = (relative(root, file).split(sep)[0] ?? '').replace(/\.rs$/, '');
    if (own === 'lib') continue;
    const code = readFileSync(file, 'utf8').replace(/\/\/.*$/gm, '');
    // Tests may look at everything.
    const body = code.split(/#\[cfg\(test\)\]\s*mod tests? \{/)[0] ?? '';
    if (/(^|\/)tests?(\/|\.rs$)/.test(relative(root, file).replaceAll(sep, '/'))) continue;
    for (const [, name = ''] of body.matchAll(/\bcrate::(\w+)/g)) {
      if (!order.includes(name)) continue;
      seen++;
      if (order.indexOf(name) > order.indexOf(own))
        wrong.push(`${relative(root, file)} uses ${name}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(50);
});
