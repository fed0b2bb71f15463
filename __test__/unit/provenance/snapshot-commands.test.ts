// The commands snapshot and restore, and a stamp that names a snapshot.
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command as restoreCommand } from '../../../src/cli/commands/provenance/restore';
import { command as snapshotCommand } from '../../../src/cli/commands/provenance/snapshot';
import { readStamp, stamp } from '../../../src/provenance/stamping';
import { commit, folder, project, run, write } from './git-repositories';
import { call, FIXTURES } from './stamped';

test('snapshot, its list, and restore', async () => {
  const root = project();
  const clean = await call(snapshotCommand, [], { dir: root });
  expect(clean).toEqual({ code: 0, out: 'The code is that of HEAD: there is nothing to keep.\n' });
  expect((await call(snapshotCommand, [], { dir: root, list: true })).out).toBe('');
  write(root, 'train.py', 'print(2)\n');
  write(root, '\u001b[31mevil.ckpt', 'w');
  const made = await call(snapshotCommand, [], { dir: root });
  expect(made.out).toMatch(/^Snapshot [0-9a-f]{16}\n {2}[0-9a-f]{40}, 1 changed file on /);
  expect(made.out).toMatch(/Left out:\n {2}model {2}[0-9a-f]{64} {2}\\x1b\[31mevil.ckpt\n$/);
  const json = JSON.parse((await call(snapshotCommand, [], { dir: root, json: true })).out);
  expect(json.snapshot).toMatchObject({ created: false, pushed: null, files: 1 });
  const { id } = json.snapshot;
  expect((await call(snapshotCommand, [], { dir: root, list: true })).out).toMatch(
    new RegExp(`^${id} {2}\\S+Z {2}on [0-9a-f]{12}\n$`),
  );
  const list = await call(snapshotCommand, [], { dir: root, list: true, json: true });
  expect(JSON.parse(list.out).snapshots).toHaveLength(1);
  const target = join(folder(), 'restored');
  const restored = await call(restoreCommand, [id, target], { dir: root });
  expect(restored.out).toMatch(
    /^Restored .*\nThe snapshot does not have:\n {2}model .*evil.ckpt\n$/,
  );
  expect(readFileSync(join(target, 'train.py'), 'utf8')).toBe('print(2)\n');
});

/** A project with a checkpoint that can be stamped. */
function withCheckpoint(): { root: string; file: string } {
  const root = project();
  const file = join(root, 'real.ckpt');
  copyFileSync(join(FIXTURES, 'torch/state_dict.pt'), file);
  commit(root, 'checkpoint');
  return { root, file };
}

test('a stamp names the snapshot of uncommitted code, and stamping again changes nothing', async () => {
  const { root, file } = withCheckpoint();
  const clean = await stamp(file, { dir: root, snapshot: true });
  expect(clean.stamp.changes).toBeUndefined();
  write(root, 'train.py', 'print(2)\n');
  write(root, 'new.py', 'print(3)\n');
  const dry = await stamp(file, { dir: root, snapshot: true, dryRun: true });
  expect(dry.stamp.changes).toBeUndefined();
  expect(run(root, 'for-each-ref', 'refs/theta')).toBe('');
  const { written, stamp: made } = await stamp(file, { dir: root, snapshot: true });
  expect(written).toBe(true);
  const [id, ref] = run(root, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/theta')
    .trim()
    .split(' ');
  expect(made.changes).toEqual({ snapshot_commit: id, snapshot_ref: ref });
  expect((await readStamp(file)).stamp?.changes).toEqual(made.changes);
  expect(run(root, 'show', `${id}:new.py`)).toBe('print(3)\n');
  expect((await stamp(file, { dir: root, snapshot: true })).written).toBe(false);
  // Another checkpoint of the same run has the same one.
  const other = join(root, 'other.ckpt');
  copyFileSync(join(FIXTURES, 'torch/views.pt'), other);
  expect((await stamp(other, { dir: root, snapshot: true })).stamp.changes).toEqual(made.changes);
  expect(run(root, 'for-each-ref', 'refs/theta').trim().split('\n')).toHaveLength(1);
});

test('a checkpoint that is code to git is not in its own snapshot', async () => {
  const root = project();
  const file = join(root, 'plain.pt');
  copyFileSync(join(FIXTURES, 'torch/state_dict.pt'), file);
  const alone = await stamp(file, { dir: root, snapshot: true, sidecar: true });
  expect(alone.stamp.changes).toBeUndefined();
  write(root, 'train.py', 'print(2)\n');
  const made = await stamp(file, { dir: root, snapshot: true, sidecar: true });
  expect(run(root, 'diff', '--name-only', 'HEAD', made.stamp.changes?.snapshot_commit ?? '')).toBe(
    'train.py\n',
  );
});

test('what cannot be stamped leaves no snapshot', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  await expect(
    stamp(join(root, 'nowhere.ckpt'), { dir: root, snapshot: true }),
  ).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_IO' });
  expect(run(root, 'for-each-ref', 'refs/theta')).toBe('');
});
