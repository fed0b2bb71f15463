// A snapshot as a folder: exactly its tree, and nothing left after a failure.
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { listSnapshots, restore, snapshot } from '../../../src/provenance/snapshot';
import { verifyStamp } from '../../../src/provenance/stamping';
import { commit, folder, oddName, project, repository, run, write } from './git-repositories';
import { stamped } from './stamped';

const posix = process.platform !== 'win32';

async function take(root: string) {
  const made = await snapshot({ dir: root });
  if (!made) throw new Error('no snapshot');
  return made;
}

/** A folder that is not there yet. */
const place = () => join(folder(), 'restored here');

/** The id of the tree that the files of a work tree make, byte for byte. */
function treeOf(top: string): string {
  const names = run(top, 'ls-files', '-z', '--cached', '--others').split('\0').filter(Boolean);
  expect(names.length).toBeGreaterThan(0);
  run(top, '-c', 'core.autocrlf=false', 'read-tree', '--empty');
  // Attributes would convert what is added.
  write(
    join(run(top, 'rev-parse', '--git-common-dir').trim()),
    'info/attributes',
    '* -text -filter -ident\n',
  );
  run(top, 'add', '-A', '-f');
  return run(top, 'write-tree').trim();
}

test('exactly the tree: names, modes, links, deletions', async () => {
  const root = project();
  if (posix) {
    chmodSync(join(root, 'train.py'), 0o755);
    symlinkSync('nowhere/../é', join(root, 'link'));
    oddName(root);
    write(root, 'lib/"quoted"\n\tname é', 'x');
  }
  rmSync(join(root, 'lib/a.py'));
  renameSync(join(root, 'lib-b.py'), join(root, '-dash.py'));
  write(root, 'bin/data', Buffer.from([0, 255, 13, 10, 13]));
  const made = await take(root);
  const target = place();
  const restored = await restore(made.id.slice(0, 6), target, { dir: join(root, 'lib') });
  expect(restored).toEqual({
    ...(await listSnapshots({ dir: root }))[0],
    leftOut: [],
    folder: target,
  });
  expect(run(target, 'rev-parse', 'HEAD').trim()).toBe(made.commit);
  expect(run(target, 'status', '--porcelain')).toBe('');
  expect(existsSync(join(target, 'lib/a.py'))).toBe(false);
  if (posix) expect(statSync(join(target, 'train.py')).mode & 0o111).toBe(0o111);
  expect(treeOf(target)).toBe(made.tree);
  run(root, 'worktree', 'remove', '--force', target);
});

test('a restored snapshot is the code of the checkpoint that names it', async () => {
  const root = project();
  write(root, 'train.py', 'changed');
  write(root, 'notes.txt', 'untracked');
  const file = await stamped(root, { snapshot: true });
  const code = async (dir: string) => {
    const { results } = await verifyStamp(file, { dir, quick: true });
    return results.find(({ check }) => check === 'code');
  };
  // Committed as something else, it is other code.
  run(root, 'checkout', '-q', '--', 'train.py');
  write(root, 'train.py', 'changed otherwise');
  run(root, 'commit', '-qam', 'other');
  expect(await code(root)).toMatchObject({ result: 'failed' });
  const [{ id = '' } = {}] = await listSnapshots({ dir: root });
  const target = place();
  await restore(id, target, { dir: root });
  expect(await code(target)).toMatchObject({
    result: 'ok',
    message: expect.stringContaining('HEAD is the snapshot'),
  });
  run(root, 'worktree', 'remove', '--force', target);
});

test('the same uncommitted changes are told from others', async () => {
  const root = project();
  write(root, 'train.py', 'changed');
  const file = await stamped(root);
  const changes = async () => {
    const { results } = await verifyStamp(file, { dir: root, quick: true });
    return results.find(({ check }) => check === 'changes');
  };
  const same = 'the same as when it was stamped';
  expect(await changes()).toMatchObject({ message: expect.stringContaining(same) });
  write(root, 'train.py', 'changed again');
  expect(await changes()).toMatchObject({
    result: 'failed',
    message: expect.not.stringContaining(same),
  });
});

test('bytes are those of the work tree, whatever attributes and filters say', async () => {
  const root = project();
  write(root, '.gitattributes', '*.ckpt filter=theta\n*.txt text eol=crlf\n*.up filter=up\n');
  write(root, 'committed.txt', 'a\nb\n');
  commit(root);
  const spy = join(folder(), 'ran');
  run(root, 'config', 'filter.theta.smudge', `touch '${spy}' && cat`);
  run(root, 'config', 'filter.up.smudge', 'tr a-z A-Z');
  run(root, 'config', 'filter.up.required', 'true');
  write(root, '.git/hooks/post-checkout', `#!/bin/sh\ntouch '${spy}'\n`, 0o755);
  write(root, 'mixed.txt', 'a\nb\r\n');
  write(root, 'name.up', 'lower');
  write(root, 'committed.txt', 'unix\nnow\n');
  const made = await take(root);
  const target = place();
  await restore(made.ref, target, { dir: root });
  expect(readFileSync(join(target, 'mixed.txt'), 'utf8')).toBe('a\nb\r\n');
  expect(readFileSync(join(target, 'name.up'), 'utf8')).toBe('lower');
  expect(readFileSync(join(target, 'committed.txt'), 'utf8')).toBe('unix\nnow\n');
  expect(readFileSync(join(target, 'model.ckpt'), 'utf8')).toBe('weights');
  expect(existsSync(spy)).toBe(false);
});

test('what was left out is told, and before the first commit', async () => {
  const root = repository();
  write(root, '.gitattributes', '*.ckpt filter=theta\n');
  write(root, 'a.ckpt', 'weights');
  write(root, 'train.py', 'print(1)\n');
  const made = await take(root);
  const target = place();
  const { leftOut } = await restore(made.commit, target, { dir: root });
  expect(leftOut).toEqual(made.leftOut);
  expect(leftOut.map(({ path }) => path)).toEqual(['a.ckpt']);
  expect(run(target, 'ls-files')).toBe('.gitattributes\ntrain.py\n');
});

test('a remote has it, a clone gets it', async () => {
  const root = project();
  const remote = repository('--bare');
  run(root, 'remote', 'add', 'origin', remote);
  write(root, 'train.py', 'print(2)\n');
  run(root, 'push', '-q', 'origin', 'main');
  const made = await snapshot({ dir: root, push: true });
  const clone = join(folder(), 'clone');
  run(folder(), 'clone', '-q', remote, clone);
  const missing = await restore(made?.id ?? '', place(), { dir: clone }).catch((e) => e);
  expect(missing).toMatchObject({ code: 'ERR_THETA_NOT_FOUND' });
  expect(missing.hint).toMatch('refs/theta/snapshots/*:refs/theta/snapshots/*');
  run(clone, 'fetch', '-q', 'origin', 'refs/theta/snapshots/*:refs/theta/snapshots/*');
  const target = place();
  await restore(made?.id ?? '', target, { dir: clone });
  expect(readFileSync(join(target, 'train.py'), 'utf8')).toBe('print(2)\n');
});

test('refused: names that are none, folders that exist, commits that are no snapshots', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  const made = await take(root);
  const head = run(root, 'rev-parse', 'HEAD').trim();
  const before = run(root, 'worktree', 'list');
  const target = place();
  for (const name of ['', 'abc', '--help', 'HEAD', `${made.id}~1`, 'refs/heads/main'])
    await expect(restore(name, target, { dir: root })).rejects.toMatchObject({
      code: 'ERR_THETA_USAGE',
    });
  await expect(restore(head, target, { dir: root })).rejects.toMatchObject({
    code: 'ERR_THETA_NOT_FOUND',
  });
  run(root, 'update-ref', `refs/theta/snapshots/${head.slice(0, 16)}`, head);
  await expect(restore(head, target, { dir: root })).rejects.toMatchObject({
    code: 'ERR_THETA_PROVENANCE_UNSUPPORTED',
  });
  for (const taken of [root, write(folder(), 'a', ''), join(root, '.git/inside')])
    await expect(restore(made.id, taken, { dir: root })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
    });
  expect(run(root, 'worktree', 'list')).toBe(before);
  expect(existsSync(target)).toBe(false);
});

test('after a failure nothing is left', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  const made = await take(root);
  const blob = run(root, 'rev-parse', `${made.commit}:train.py`).trim();
  rmSync(join(root, '.git/objects', blob.slice(0, 2), blob.slice(2)));
  const before = run(root, 'worktree', 'list');
  const target = place();
  await expect(restore(made.id, target, { dir: root })).rejects.toMatchObject({
    code: 'ERR_THETA_GIT_FAILED',
  });
  expect(existsSync(target)).toBe(false);
  expect(run(root, 'worktree', 'list')).toBe(before);
});
