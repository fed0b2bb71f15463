import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Repository } from '../../../src/git/repository';
import { parseChanges, versions } from '../../../src/road/history';
import { attributePattern } from '../../../src/road/mark-clean';

// The user's own configuration may have git-theta installed.
process.env.GIT_CONFIG_GLOBAL = devNull;
process.env.GIT_CONFIG_NOSYSTEM = '1';

let dir: string;
let repo: Repository;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'git-theta-history-'));
  git('init', '--quiet', '-b', 'main');
  for (const key of ['filter.theta.clean', 'filter.theta.smudge']) git('config', key, 'cat');
  git('config', 'user.name', 'T');
  git('config', 'user.email', 't@example.invalid');
  repo = await Repository.discover(dir);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: dir, env: process.env, encoding: 'utf8' });
}

function write(path: string, content: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), content);
}

function commit(files: Record<string, string>): string {
  for (const [path, content] of Object.entries(files)) write(path, content);
  git('add', '--all');
  git('commit', '--quiet', '--no-verify', '-m', 'x');
  return git('rev-parse', 'HEAD').trim();
}

/** A manifest of one piece. */
function manifest(n: number): string {
  const oid = n.toString(16).padStart(64, '0');
  return `{"git-theta":1,"format":"opaque","reason":"test"}\n\n{"pieces":["${oid}:1"]}\n`;
}

async function found(...revisions: string[]): Promise<string[]> {
  const list: string[] = [];
  for await (const { commit: at, path } of versions(repo, revisions, [
    git('rev-parse', 'HEAD').trim(),
  ])) {
    list.push(`${at} ${path}`);
  }
  return list.sort();
}

test('every version, in folders and by globs, and nothing that is not ours', async () => {
  const first = commit({
    '.gitattributes': 'm.pt filter=theta\n*.ckpt filter=theta\n',
    'm.pt': manifest(1),
    'a/b/x.ckpt': manifest(2),
    'looks-like-one.txt': manifest(3),
    'raw.ckpt': 'committed before it was tracked',
  });
  const second = commit({
    'm.pt': manifest(4),
    'sub/.gitattributes': '/in.bin filter=theta\nany.bin filter=theta\n',
  });
  const third = commit({
    'sub/in.bin': manifest(5),
    'sub/deep/any.bin': manifest(6),
    'in.bin': manifest(7),
  });
  expect(await found('HEAD')).toEqual(
    [
      `${first} a/b/x.ckpt`,
      `${first} m.pt`,
      `${second} m.pt`,
      `${third} sub/deep/any.bin`,
      `${third} sub/in.bin`,
    ].sort(),
  );
  expect(await found('HEAD', `^${second}`)).toEqual([
    `${third} sub/deep/any.bin`,
    `${third} sub/in.bin`,
  ]);
});

test('a model that is not tracked any more was one then', async () => {
  const base = commit({ '.gitattributes': 'm.pt filter=theta\n', 'm.pt': manifest(1) });
  const changed = commit({ 'm.pt': manifest(2) });
  git('rm', '--quiet', 'm.pt', '.gitattributes');
  git('commit', '--quiet', '--no-verify', '-m', 'gone');
  expect(await found('HEAD', `^${base}`)).toEqual([`${changed} m.pt`]);
});

test('a merge brings in what differs from both sides', async () => {
  commit({ '.gitattributes': '*.pt filter=theta\n', 'a.pt': manifest(1), 'b.pt': manifest(2) });
  git('checkout', '--quiet', '-b', 'side');
  const side = commit({ 'b.pt': manifest(3) });
  git('checkout', '--quiet', 'main');
  const main = commit({ 'a.pt': manifest(4) });
  git('merge', '--quiet', '--no-commit', 'side');
  write('a.pt', manifest(5));
  const merge = commit({});
  expect(await found('HEAD', '^HEAD~2')).toEqual(
    [`${main} a.pt`, `${side} b.pt`, `${merge} a.pt`].sort(),
  );
});

test('changes of merges have one blob per parent', () => {
  const a = 'a'.repeat(40);
  const raw = `${a}\0::100644 100644 100755 1 2 3 MM\0p q\0${a}\0:000000 100644 0 4 A\0n\0`;
  expect([...parseChanges(raw)]).toEqual([
    { commit: a, path: 'p q', before: ['1', '2'], oid: '3', mode: '100755' },
    { commit: a, path: 'n', before: ['0'], oid: '4', mode: '100644' },
  ]);
});

test.each([
  'plain',
  'sp ace',
  '"q"',
  "'",
  'back\\slash',
  '[x]*?',
  '#h',
  '!n',
  'tab\there',
  'ü/é',
  ' lead',
  'trail ',
])('the pattern of %j matches it alone', (name) => {
  write('.git/info/attributes', `${attributePattern(name)} mine\n`);
  const check = (path: string) => git('check-attr', '-z', 'mine', '--', path).split('\0')[2];
  expect(check(name)).toBe('set');
  expect(check(`sub/${name}`)).toBe('unspecified');
  expect(check(`${name}x`)).toBe('unspecified');
});
