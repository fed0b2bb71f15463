// From a checkpoint back to its code: present, rewritten, missing history, and stamps that lie.
import { execSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../../../src/cli/commands/provenance/trace';
import { gitStatus } from '../../../src/provenance/git';
import { snapshot } from '../../../src/provenance/snapshot';
import { trace } from '../../../src/provenance/trace';
import { commit, folder, project, repository, run, write } from './git-repositories';
import { call, claim, FIXTURES, log, stamped } from './stamped';

const head = (root: string, rev = 'HEAD') => run(root, 'rev-parse', rev).trim();
const NOWHERE = 'a'.repeat(40);

/** Runs the command that a trace gives, in the folder it was asked for. */
function obey(root: string, words: readonly string[] | null): string {
  const at = words?.indexOf('--detach') ?? -1;
  const target = join(root, words?.[at + 1] ?? '');
  run(root, ...(words ?? []).slice(1));
  return target;
}

test('a commit that is here, and how far HEAD has moved', async () => {
  const root = project();
  run(root, 'tag', '-a', '-m', 'one', 'v1');
  const file = await stamped(root);
  const made = head(root);
  write(root, 'train.py', 'print(1)\nprint(2)\n');
  write(root, 'model.ckpt', 'other\nweights\n');
  write(root, '.git_theta/model.ckpt/more', 'tensor\n');
  write(root, 'data.bin', Buffer.from([0, 1, 2]));
  commit(root, 'second');
  const found = await trace(file, { dir: join(root, 'lib') });
  expect(found).toMatchObject({
    commit: made,
    dirty: false,
    found: { commit: made, author: 'A', subject: 'first', describe: 'v1', reachable: true },
    rewritten: null,
    snapshot: null,
    head: { commit: head(root), ahead: 1, behind: 0 },
    code: { files: 2, insertions: 1, deletions: 0 },
    fetch: [],
  });
  expect(found.found?.refs).toEqual(['main', 'v1']);
  expect(found.found?.date).toBe(Number(run(root, 'log', '-1', '--format=%at', made)));
  expect(found.code?.changed).toEqual([
    { path: 'data.bin', insertions: null, deletions: null },
    { path: 'train.py', insertions: 1, deletions: 0 },
  ]);
  const target = obey(join(root, 'lib'), found.checkout);
  expect(head(target)).toBe(made);
  expect(join(target, '..')).toBe(join(root, '..'));
});

test('another branch: ahead and behind', async () => {
  const root = project();
  run(root, 'checkout', '-qb', 'other');
  write(root, 'a.py', 'a\n');
  commit(root, 'on other');
  const file = await stamped(root);
  run(root, 'checkout', '-q', 'main');
  write(root, 'b.py', 'b\n');
  commit(root, 'on main');
  const { head: moved, found, code } = await trace(file, { dir: root });
  expect(moved).toMatchObject({ ahead: 1, behind: 1 });
  expect(found?.refs).toEqual(['other']);
  expect(code).toMatchObject({ files: 2, insertions: 1, deletions: 1 });
});

test('an amended message: the same files', async () => {
  const root = project();
  const file = await stamped(root);
  const old = head(root);
  run(root, 'commit', '-q', '--amend', '-m', 'better words');
  const found = await trace(file, { dir: root });
  expect(found.found).toMatchObject({ commit: old, reachable: false, refs: [] });
  expect(found.rewritten).toMatchObject({
    by: 'tree',
    found: { commit: head(root), subject: 'better words', reachable: true },
  });
  expect(found.head).toMatchObject({ ahead: 0, behind: 0 });
  expect(found.code?.files).toBe(0);
  // Without the old commit the tree in the stamp is enough.
  run(root, 'reflog', 'expire', '--expire=now', '--all');
  run(root, 'gc', '-q', '--prune=now');
  const later = await trace(file, { dir: root });
  expect(later).toMatchObject({ found: null, rewritten: { by: 'tree' } });
  expect(later.checkout?.at(-1)).toBe(head(root));
});

test('a model added to the commit: the same code', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  commit(root, 'second');
  const file = await stamped(root);
  write(root, 'model.ckpt', 'trained');
  run(root, 'commit', '-qa', '--amend', '--no-edit');
  write(root, 'train.py', 'print(3)\n');
  commit(root, 'third');
  const found = await trace(file, { dir: root });
  expect(found.rewritten).toMatchObject({
    by: 'code-tree',
    found: { commit: head(root, 'HEAD~') },
  });
  run(root, 'reflog', 'expire', '--expire=now', '--all');
  run(root, 'gc', '-q', '--prune=now');
  expect(await trace(file, { dir: root })).toMatchObject({
    found: null,
    rewritten: { by: 'code-tree' },
    code: { files: 1 },
  });
});

test('a rebased commit: the same change', async () => {
  const root = project();
  run(root, 'checkout', '-qb', 'topic');
  write(root, 'topic.py', 'a\nb\nc\n');
  commit(root, 'topic');
  const file = await stamped(root);
  const old = head(root);
  write(root, 'more.py', 'more\n');
  commit(root, 'more');
  run(root, 'checkout', '-q', 'main');
  write(root, 'base.py', 'base\n');
  commit(root, 'base');
  run(root, 'checkout', '-q', 'topic');
  run(root, 'rebase', '-q', 'main');
  // A snapshot's parent keeps the old commit, but is no history.
  run(root, 'update-ref', `refs/theta/snapshots/${old.slice(0, 16)}`, old);
  const found = await trace(file, { dir: root });
  expect(found.found?.reachable).toBe(false);
  expect(found.rewritten).toMatchObject({
    by: 'patch-id',
    found: { commit: head(root, 'topic~'), subject: 'topic', refs: ['topic'] },
  });
  expect(found.head).toMatchObject({ ahead: 1, behind: 0 });
  // From the old code, which is still here.
  expect(found.code?.changed.map(({ path }) => path)).toEqual(['base.py', 'more.py']);
  expect(found.checkout?.at(-1)).toBe(old);
});

test('a commit that nothing took the place of', async () => {
  const root = project();
  write(root, 'train.py', 'dropped\n');
  commit(root, 'dropped');
  const file = await stamped(root);
  const old = head(root);
  run(root, 'reset', '-q', '--hard', 'HEAD~');
  const found = await trace(file, { dir: root });
  expect(found).toMatchObject({ found: { commit: old, reachable: false }, rewritten: null });
  const { out } = await call(command, [file], { dir: root });
  expect(out).toMatch(`${old}, in no branch or tag`);
});

test('a snapshot: changes since then, and the command that restores it', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  write(root, 'new.py', 'new\n');
  const file = await stamped(root, { snapshot: true });
  const found = await trace(file, { dir: root });
  expect(found).toMatchObject({ dirty: true, snapshot: { here: true } });
  expect(found.code?.changed.map(({ path }) => path)).toEqual(['new.py', 'train.py']);
  expect(found.checkout?.slice(0, 5)).toEqual([
    'git',
    'theta',
    'provenance',
    'restore',
    found.snapshot?.commit,
  ]);
  commit(root, 'what was uncommitted');
  expect((await trace(file, { dir: root })).code?.files).toBe(0);
  // In a clone that has no snapshots.
  const clone = join(folder(), 'clone');
  run(folder(), 'clone', '-q', root, clone);
  const there = await trace(file, { dir: clone });
  const { ref = '' } = found.snapshot ?? {};
  expect(there.snapshot).toEqual({ commit: found.snapshot?.commit, ref, here: false });
  expect(there.fetch).toEqual([['git', 'fetch', 'origin', `${ref}:${ref}`]]);
  run(clone, ...(there.fetch[0] ?? []).slice(1));
  expect((await trace(file, { dir: clone })).snapshot?.here).toBe(true);
});

test('a commit that is not here: exit 1, and what to fetch', async () => {
  const root = project();
  const url = 'https://example.com/me/code.git';
  const file = claim({ commit: NOWHERE, repo: url });
  const found = await trace(file, { dir: root });
  expect(found).toMatchObject({ found: null, rewritten: null, head: null, code: null });
  expect([found.checkout, found.fetch]).toEqual([null, []]);
  const alone = await call(command, [file], { dir: root });
  expect(alone.code).toBe(1);
  expect(alone.out).toMatch(
    `hint: The stamp says that the code is at '${url}', which is no remote`,
  );
  expect(alone.out).toMatch('warning: the code is not here');
  run(root, 'remote', 'add', 'team', 'https://u:secret@example.com/me/code');
  const { fetch } = await trace(file, { dir: root });
  expect(fetch).toEqual([
    ['git', 'fetch', 'team'],
    ['git', 'fetch', 'team', NOWHERE],
  ]);
  expect((await call(command, [file], { dir: root })).out).toMatch('hint: git fetch team\n');
  const json = await call(command, [file], { dir: root, json: true });
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toEqual({ schema: 1, ...(await trace(file, { dir: root })) });
});

test('a shallow clone is to be made complete', async () => {
  const root = project();
  const file = await stamped(root);
  write(root, 'train.py', 'print(2)\n');
  commit(root, 'second');
  const clone = join(folder(), 'clone');
  run(folder(), 'clone', '-q', '--depth=1', `file://${root}`, clone);
  const { fetch, found } = await trace(file, { dir: clone });
  expect(found).toBeNull();
  expect(fetch[0]).toEqual(['git', 'fetch', '--unshallow', 'origin']);
  run(clone, ...(fetch[0] ?? []).slice(1));
  expect((await trace(file, { dir: clone })).found?.reachable).toBe(true);
});

test('the six fields of pl-git-callback', async () => {
  const root = project();
  const found = await trace(log(head(root)), { dir: root });
  expect(found).toMatchObject({ dirty: false, repo: null, found: { subject: 'first' } });
  const unknown = await trace(join(FIXTURES, 'lightning/original_callback_lightning_1.6.5.ckpt'), {
    dir: root,
  });
  expect(unknown).toMatchObject({ found: null, checkout: null });
  expect(unknown.commit).toMatch(/^[0-9a-f]{40}$/);
});

test('before the first commit: of the checkpoint, and here', async () => {
  const root = repository();
  write(root, 'train.py', 'print(1)\n');
  const file = await stamped(root, { snapshot: true });
  const found = await trace(file, { dir: root });
  expect(found).toMatchObject({ commit: null, found: null, head: null, code: null });
  expect(found.checkout?.[3]).toBe('restore');
  const bare = await stamped(root);
  const { code, out } = await call(command, [bare], { dir: root });
  expect(code).toBe(1);
  expect(out).toMatch('none: there was no commit yet');
  expect(await trace(claim({ commit: NOWHERE, tree: NOWHERE }), { dir: root })).toMatchObject({
    found: null,
    rewritten: null,
  });
});

test('with sha256', async () => {
  const root = project('--object-format=sha256');
  write(root, 'train.py', 'print(2)\n');
  commit(root, 'second');
  const file = await stamped(root);
  run(root, 'reset', '-q', '--hard', 'HEAD~');
  write(root, 'lib-b.py', 'b = 2\n');
  commit(root, 'between');
  run(root, 'cherry-pick', 'ORIG_HEAD');
  expect(await trace(file, { dir: root })).toMatchObject({
    rewritten: { by: 'patch-id', found: { subject: 'second' } },
  });
});

test('no stamp, no repository, damaged stamps', async () => {
  const root = project();
  const codeOf = (file: string, dir = root) => trace(file, { dir }).catch((error) => error.code);
  expect(await codeOf(join(FIXTURES, 'lightning/unstamped.ckpt'))).toBe(
    'ERR_THETA_PROVENANCE_NO_STAMP',
  );
  expect(await codeOf(join(root, 'nowhere.ckpt'))).toBe('ERR_THETA_PROVENANCE_IO');
  expect(await codeOf(claim({ commit: NOWHERE }), folder())).toBe('ERR_THETA_PROVENANCE_NO_GIT');
  for (const bad of ['--output=x', 'HEAD', 'main', `${NOWHERE}^{/x}`, 'abc', 7, {}, ['a']])
    expect(await codeOf(claim({ commit: bad }))).toBe('ERR_THETA_PROVENANCE_UNSUPPORTED');
  expect(existsSync(join(root, 'x'))).toBe(false);
});

test('a stamp is a claim: nothing of it but ids reaches git or a command', async () => {
  const root = project();
  const evil = "x'; touch pwned; \u001b[31m\n--output=pwned";
  const file = claim(
    { commit: NOWHERE, tree: '--output=pwned', code_tree: evil, repo: evil, author_date: evil },
    { changes: { snapshot_commit: '--output=pwned', snapshot_ref: evil } },
  );
  const found = await trace(file, { dir: root });
  expect(found).toMatchObject({ snapshot: null, fetch: [], checkout: null, repo: evil });
  const { out } = await call(command, [file], { dir: root });
  expect(out).not.toMatch('\u001b');
  expect(out).toMatch('\\x1b[31m\\n--output');
  // An id of something else, and one that only looks like a snapshot.
  const blob = head(root, 'HEAD:train.py');
  expect((await trace(claim({ commit: blob }), { dir: root })).found).toBeNull();
  const other = claim({ commit: head(root) }, { changes: { snapshot_commit: head(root) } });
  expect((await trace(other, { dir: root })).snapshot).toMatchObject({ here: false });
  for (const changes of [null, 7, [], { snapshot_commit: null }])
    expect(
      (await trace(claim({ commit: head(root) }, { changes }), { dir: root })).snapshot,
    ).toBeNull();
  expect(existsSync(join(root, 'pwned'))).toBe(false);
});

const posix = process.platform !== 'win32';
(posix ? test : test.skip)(
  'a command that a shell understands, whatever folders are called',
  async () => {
    const root = project();
    const { state } = await gitStatus(root);
    write(root, "it's $(odd)/a.py", 'x');
    commit(root, 'odd');
    const { out } = await call(command, [claim(state)], { dir: join(root, "it's $(odd)") });
    const shown = out.trimEnd().split('\n').at(-1) ?? '';
    execSync(shown, { cwd: join(root, "it's $(odd)"), stdio: 'ignore' });
    const target = join(root, '..', `code-${state.commit?.slice(0, 12)}`);
    expect(readFileSync(join(target, 'train.py'), 'utf8')).toBe('print(1)\n');
  },
);

test('the parent of a snapshot is not found by it', async () => {
  const root = project();
  const file = await stamped(root);
  write(root, 'train.py', 'print(2)\n');
  await snapshot({ dir: root });
  run(root, 'checkout', '-q', '--orphan', 'fresh');
  write(root, 'train.py', 'print(9)\n');
  commit(root, 'fresh');
  run(root, 'branch', '-qD', 'main');
  expect(await trace(file, { dir: root })).toMatchObject({
    found: { reachable: false },
    rewritten: null,
  });
});
