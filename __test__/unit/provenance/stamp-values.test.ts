// Stamps that nobody of us wrote: whatever their values are, the commands tell what they can and do not fail.
import { readFileSync, writeFileSync } from 'node:fs';
import { gitStatus } from '../../../src/provenance/git';
import { readStamp, stamp, verifyStamp } from '../../../src/provenance/stamping';
import { run as cli } from '../cli/run';
import { folder } from './git-repositories';
import { withFile } from './stamping-files';

/** What JavaScript cannot turn into a text, what has no `map`, what git takes for no argument, and more. */
const ODD: readonly unknown[] = [
  7,
  'x',
  ['a'.repeat(40)],
  { toString: 1, valueOf: 2 },
  { length: 3 },
  null,
  true,
  '\u001b[31m\u202e',
];

/** Those of them that commands stumble over that do more than show them. */
const WORST: readonly unknown[] = [['a'.repeat(40)], { toString: 1, valueOf: 2 }, null];

interface World {
  readonly root: string;
  readonly file: string;
  readonly body: Readonly<Record<string, unknown>> & { readonly git: object };
  beside(body: object): void;
}

async function world(): Promise<World> {
  const { root, file } = withFile('torch/legacy.pt');
  const { stamp: made } = await stamp(file, { dir: root });
  const body = {
    ...made,
    changes: { snapshot_commit: 'a'.repeat(40), snapshot_ref: 'refs/theta/snapshots/a' },
    code_paths: { lib: 'a'.repeat(40) },
    run: { command: ['python', 'train.py'], started: '2026-01-01T00:00:00Z' },
    framework: { torch: '2.7' },
    parents: [{ relation: 'ours' }],
  };
  const path = `${file}.provenance.json`;
  return { root, file, body, beside: (value) => writeFileSync(path, JSON.stringify(value)) };
}

/** Bodies with one odd value each. */
function* odd(
  { body }: World,
  values: readonly unknown[],
): Generator<[name: string, body: object]> {
  for (const value of values) {
    for (const key of Object.keys(body).filter((name) => name !== 'schema' && name !== 'git'))
      yield [key, { ...body, [key]: value }];
    for (const key of Object.keys(body.git))
      yield [`git.${key}`, { ...body, git: { ...body.git, [key]: value } }];
    yield ['snapshot_commit', { ...body, changes: { snapshot_commit: value } }];
    yield ['command', { ...body, run: { command: value, changed_during_run: value } }];
  }
}

/** Runs a command: it has told what it found, and its output is safe for a terminal. */
async function told(name: string, args: readonly string[], codes: readonly number[]) {
  for (const words of [args, [...args, '--json']]) {
    const { code, stdout, stderr } = await cli('provenance', ...words);
    expect([name, ...words, stderr, codes.includes(code)]).toEqual([name, ...words, stderr, true]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(stdout + stderr).not.toMatch(/[\u001b\u202e]/);
  }
}

test('read shows them', async () => {
  const given = await world();
  for (const [name, body] of odd(given, ODD)) {
    given.beside(body);
    await told(name, ['read', given.file], [0]);
  }
});

test('verify, trace, diff and stamp work with them', async () => {
  const given = await world();
  const { root, file } = given;
  const status = await gitStatus(root);
  const elsewhere = folder();
  for (const [name, body] of odd(given, WORST)) {
    given.beside(body);
    // Of all values commit, trees and paths are compared.
    if (/commit$|tree$|code_paths/.test(name)) {
      for (const match of ['code', 'commit', 'tree', 'paths', 'ancestor', 'reachable'] as const)
        expect(await verifyStamp(file, { dir: root, match })).toMatchObject({ path: file });
      await told(name, ['trace', file, '--dir', root], [0, 1, 6]);
    }
    await told(name, ['diff', file, file, '--dir', elsewhere], [0, 1, 6]);
    const dry = await stamp(file, { dir: root, status, dryRun: true });
    expect(dry.stamp.git).toEqual(status.state);
  }
});

test('a snapshot that is none is not named', async () => {
  const { root, file, body, beside } = await world();
  for (const snapshot_commit of ODD) {
    beside({ ...body, git: { ...body.git, code_dirty: true }, changes: { snapshot_commit } });
    const { results } = await verifyStamp(file, { dir: root });
    expect(results.find(({ check }) => check === 'training')?.message).toBe(
      'the code had uncommitted changes',
    );
  }
});

test('paths that no file has, and too many to ask git for', async () => {
  const { root, file, body, beside } = await world();
  const paths = async (code_paths: object) => {
    beside({ ...body, code_paths });
    return (await verifyStamp(file, { dir: root, match: 'paths' })).results[0];
  };
  for (const path of ['a\0b', '--all', '../..', ':(top)', '\n', '__proto__'])
    expect(await paths({ [path]: 'x' })).toMatchObject({
      result: 'failed',
      message: `other code in ${path}`,
    });
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`p${at}`, 'x']));
  const before = performance.now();
  expect(await paths(many)).toMatchObject({
    result: 'failed',
    message: expect.stringMatching(/no list of at most/),
  });
  expect(performance.now() - before).toBeLessThan(10_000);
});

test('a stamp that is nested too deep is a problem, and no overflow', async () => {
  const { file } = await world();
  const path = `${file}.provenance.json`;
  const levels = 200_000;
  const deep = `${'['.repeat(levels)}${']'.repeat(levels)}`;
  writeFileSync(path, `{"schema":"git-theta/provenance/1","git":{},"more":${deep}}`);
  const before = readFileSync(path);
  expect(await readStamp(file)).toMatchObject({
    stamp: null,
    problems: ['the stamp is nested too deep'],
  });
  for (const command of ['read', 'verify', 'trace', 'unstamp'])
    expect((await cli('provenance', command, file)).code).toBe(6);
  expect(readFileSync(path).equals(before)).toBe(true);
});
