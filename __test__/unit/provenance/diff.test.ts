// Two stamps: whether the same code made both, and what differs.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../../../src/cli/commands/provenance/diff';
import { diffStamps } from '../../../src/provenance/trace';
import { commit, folder, project, run, write } from './git-repositories';
import { call, claim, FIXTURES, log, stamped } from './stamped';

const head = (root: string, rev = 'HEAD') => run(root, 'rev-parse', rev).trim();
const NOWHERE = 'a'.repeat(40);

test('the same code, the same tensors', async () => {
  const root = project();
  const [a, b] = [await stamped(root), await stamped(root)];
  const diff = await diffStamps(a, b, { dir: root });
  const side = { commit: head(root), dirty: false, snapshot: null, here: true };
  expect(diff).toMatchObject({
    a: { path: a, ...side },
    b: { path: b, ...side },
    sameCommit: true,
    sameCodeTree: true,
    sameCode: true,
    sameContent: true,
    commits: { ahead: 0, behind: 0, list: [] },
    code: { files: 0 },
    differences: [],
  });
  const { code, out } = await call(command, [a, b], { dir: root });
  expect(code).toBe(0);
  expect(out).toMatch(
    /^commit +the same\ncommitted code +the same\ncode +the same\ncontent +the same\n$/m,
  );
});

test('a commit of models in between is no other code', async () => {
  const root = project();
  const a = await stamped(root);
  write(root, 'model.ckpt', 'trained');
  commit(root, 'model');
  const b = await stamped(root, {}, 'torch/views.pt');
  const diff = await diffStamps(a, b, { dir: root });
  expect(diff).toMatchObject({
    sameCommit: false,
    sameCodeTree: true,
    sameCode: true,
    sameContent: false,
    commits: { ahead: 1, behind: 0 },
    code: { files: 0 },
  });
  expect(diff.commits?.list).toEqual([
    {
      commit: head(root),
      side: 'b',
      author: 'A',
      date: Number(run(root, 'log', '-1', '--format=%at')),
      subject: 'model',
    },
  ]);
});

test('other code, on two branches', async () => {
  const root = project();
  run(root, 'checkout', '-qb', 'other');
  write(root, 'train.py', 'print(2)\nprint(3)\n');
  commit(root, 'on other');
  const a = await stamped(root, { run: { command: ['python', 'train.py', '--lr=1'] } });
  run(root, 'checkout', '-q', 'main');
  write(root, 'b.py', 'b\n');
  commit(root, 'on main');
  const b = await stamped(root, { run: { command: ['python', 'train.py', '--lr=2'] } });
  const diff = await diffStamps(a, b, { dir: root });
  expect(diff).toMatchObject({ sameCommit: false, sameCodeTree: false, sameCode: false });
  expect(diff.commits).toMatchObject({ ahead: 1, behind: 1 });
  expect(diff.commits?.list.map(({ side, subject }) => `${side} ${subject}`).sort()).toEqual([
    'a on other',
    'b on main',
  ]);
  expect(diff.code).toMatchObject({ files: 2, insertions: 2, deletions: 2 });
  expect(diff.differences).toEqual([
    { field: 'branch', a: 'other', b: 'main' },
    {
      field: 'run.command',
      a: '["python","train.py","--lr=1"]',
      b: '["python","train.py","--lr=2"]',
    },
  ]);
  const { code, out } = await call(command, [a, b], { dir: root });
  expect(code).toBe(1);
  expect(out).toMatch('b has 1 commit that a has not, and lacks 1:');
  expect(out).toMatch(
    'Code: 2 files changed, 2 lines added, 2 removed\n  +1 -0 b.py\n  +1 -2 train.py',
  );
  expect(out).toMatch('  branch: other | main\n');
});

test('uncommitted code: by its snapshots, else it cannot be told', async () => {
  const root = project();
  const clean = await stamped(root);
  write(root, 'train.py', 'print(2)\n');
  const unkept = await stamped(root);
  const one = await stamped(root, { snapshot: true });
  const same = await stamped(root, { snapshot: true });
  write(root, 'new.py', 'new\n');
  const other = await stamped(root, { snapshot: true });
  const compare = async (a: string, b: string, dir = root) => {
    const { sameCode, sameCodeTree, code } = await diffStamps(a, b, { dir });
    return [sameCode, sameCodeTree, code?.files];
  };
  expect(await compare(clean, unkept)).toEqual([null, true, 0]);
  expect(await compare(unkept, unkept)).toEqual([null, true, 0]);
  expect(await compare(one, same)).toEqual([true, true, 0]);
  expect(await compare(one, other)).toEqual([false, true, 1]);
  expect(await compare(clean, one)).toEqual([false, true, 1]);
  // The code was committed as it had been.
  run(root, 'add', 'train.py', 'new.py');
  run(root, 'commit', '-qm', 'what was uncommitted');
  expect(await compare(other, await stamped(root))).toEqual([true, false, 0]);
  // Where no snapshot is.
  const clone = join(folder(), 'clone');
  run(folder(), 'clone', '-q', `file://${root}`, clone);
  expect(await compare(one, same, clone)).toEqual([true, true, 0]);
  expect((await compare(one, other, clone))[0]).toBeNull();
});

test('without a repository, and with commits that are not here', async () => {
  const root = project();
  const a = await stamped(root);
  write(root, 'train.py', 'print(2)\n');
  commit(root, 'second');
  const b = await stamped(root);
  for (const dir of [folder(), project(), join(root, 'nowhere')]) {
    // Another project with the same first commit has that one.
    const diff = await diffStamps(b, a, { dir });
    expect(diff).toMatchObject({ sameCommit: false, sameCodeTree: false, sameCode: false });
    expect([diff.commits, diff.code, diff.a.here]).toEqual([null, null, false]);
  }
  const lone = claim({ commit: NOWHERE, code_dirty: false });
  expect(await diffStamps(lone, a, { dir: root })).toMatchObject({
    sameCommit: false,
    sameCodeTree: null,
    sameCode: null,
    sameContent: null,
  });
  expect((await diffStamps(lone, lone, { dir: root })).sameCode).toBe(true);
});

test('the six fields of pl-git-callback, and other frameworks', async () => {
  const root = project();
  const six = log(head(root));
  const dirty = log(head(root), { dirty: true });
  expect(await diffStamps(six, await stamped(root), { dir: root })).toMatchObject({
    sameCommit: true,
    sameCode: true,
    sameContent: null,
  });
  expect((await diffStamps(six, dirty, { dir: root })).sameCode).toBeNull();
  const framework = (torch: string) =>
    claim({ commit: head(root) }, { framework: { torch, python: '3.12' } });
  const { differences } = await diffStamps(framework('2.6'), framework('2.7'), { dir: root });
  expect(differences).toEqual([{ field: 'framework.torch', a: '2.6', b: '2.7' }]);
  const none = claim({ commit: null, empty: true });
  expect(await diffStamps(none, none, { dir: root })).toMatchObject({
    sameCommit: null,
    sameCode: null,
    commits: null,
  });
});

test('stamps that are none, and hostile ones', async () => {
  const root = project();
  const good = claim({ commit: head(root) });
  const codeOf = (a: string, b: string) => diffStamps(a, b, { dir: root }).catch((e) => e.code);
  const unstamped = join(FIXTURES, 'lightning/unstamped.ckpt');
  expect(await codeOf(good, unstamped)).toBe('ERR_THETA_PROVENANCE_NO_STAMP');
  expect(await codeOf(good, join(root, 'nowhere'))).toBe('ERR_THETA_PROVENANCE_IO');
  for (const bad of ['--output=x', 'HEAD', 7])
    expect(await codeOf(claim({ commit: bad }), good)).toBe('ERR_THETA_PROVENANCE_UNSUPPORTED');
  const evil = claim(
    { commit: head(root), branch: '\u001b[31m', code_tree: '--output=x' },
    {
      framework: { '\u001b[2J\n': 'x'.repeat(100_000), __proto__: 1 },
      run: { command: 'x\u202ey' },
      changes: { snapshot_commit: '--output=x' },
      content: { tensor_root: { algo: 'git-theta-content-1', scope: 'model', value: {} } },
    },
  );
  const { out } = await call(command, [good, evil], { dir: root });
  for (const unsafe of ['\u001b', '\u202e']) expect(out).not.toMatch(unsafe);
  expect(out.length).toBeLessThan(3000);
  expect(existsSync(join(root, 'x'))).toBe(false);
  const deep = join(folder(), 'deep.json');
  const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  writeFileSync(deep, `{"schema":"git-theta/provenance/1","git":{},"run":{"command":${nested}}}`);
  expect(await codeOf(good, deep)).toBe('ERR_THETA_PROVENANCE_UNSUPPORTED');
  for (const section of [null, 7, 'text', []])
    expect(
      await diffStamps(claim({}, { run: section, content: section }), good, { dir: root }),
    ).toMatchObject({
      sameContent: null,
      sameCode: null,
    });
});
