// What git does to the work tree and the index in daily life, by plain git.
import { rmSync } from 'node:fs';
import { changedBy, MODEL, settled, settledInClone, World } from './life-world';
import { type ModelRepository, safetensors, values } from './road-model';

let world: World;
let repo: ModelRepository;
let main: World['history']['main'];
let side: World['history']['side'];

beforeAll(async () => {
  world = await World.create();
  ({ main, side } = world.history);
});
afterAll(() => world.cleanup());

beforeEach(async () => {
  repo = await world.repo();
});
afterEach(() => world.clear());

/** Another version, based on the last of `main`. */
function changed(...layers: number[]): Buffer {
  const fresh = layers.map((n) => [`layer.${n}.weight`, values(4096)]);
  return safetensors({ ...world.history.tensors, ...Object.fromEntries(fresh) });
}

const tree = async (rev: string) => (await repo.git('rev-parse', `${rev}^{tree}`)).stdout;

test('checkout and switch', async () => {
  for (const [rev, content] of [
    ['main~2', main[0]],
    ['side', side[1]],
    ['main~1', main[1]],
    ['main', main[2]],
  ] as const) {
    await repo.git('checkout', '--quiet', rev);
    await settled(repo, { [MODEL]: content });
  }
  await repo.git('switch', '--quiet', 'side');
  await settled(repo, { [MODEL]: side[1] });
  await repo.git('switch', '--quiet', '--detach', 'main~1');
  await settled(repo, { [MODEL]: main[1] });
  await repo.git('switch', '--quiet', '-c', 'new', 'side~1');
  await settled(repo, { [MODEL]: side[0] });
});

test('checkout refuses to overwrite an unsaved checkpoint, and -f does it', async () => {
  const unsaved = changed(0);
  repo.write(MODEL, unsaved);
  const refused = await repo.try('checkout', '--quiet', 'main~1');
  expect(refused.stderr).toContain('would be overwritten');
  expect(repo.read(MODEL).equals(unsaved)).toBe(true);
  await repo.git('checkout', '--quiet', '-f', 'main~1');
  await settled(repo, { [MODEL]: main[1] });
});

test('restore of work tree and index', async () => {
  repo.write(MODEL, changed(0));
  await repo.git('restore', MODEL);
  await settled(repo, { [MODEL]: main[2] });

  await repo.git('restore', '--source', 'HEAD~2', MODEL);
  expect(repo.read(MODEL).equals(main[0])).toBe(true);
  expect(await repo.status()).toEqual([` M ${MODEL}`]);
  await repo.theta('fsck');

  await repo.git('restore', '--source', 'HEAD~1', '--staged', MODEL);
  expect(repo.read(MODEL).equals(main[0])).toBe(true);
  await repo.theta('fsck');
  await repo.git('restore', '--staged', '--worktree', MODEL);
  await settled(repo, { [MODEL]: main[2] });
});

test('a model alone, restored from another commit, is committed with its store', async () => {
  await repo.git('restore', '--source', 'side', '--staged', '--worktree', MODEL);
  await repo.git('commit', '--quiet', '-m', 'from side');
  await settledInClone(repo, { [MODEL]: side[1] }, 'copy-restored');
  expect((await repo.git('rev-parse', 'HEAD^{tree}')).stdout).toBe(await tree('side'));
  await repo.git('checkout', '--quiet', 'main~2', '--', MODEL);
  await repo.git('commit', '--quiet', '-m', 'from main');
  await settled(repo, { [MODEL]: main[1] });
});

test('reset --hard, --soft and --mixed', async () => {
  const last = await tree('main');
  await repo.git('reset', '--quiet', '--hard', 'HEAD~1');
  await settled(repo, { [MODEL]: main[1] });
  await repo.git('reset', '--quiet', '--hard', 'HEAD@{1}');
  await settled(repo, { [MODEL]: main[2] });

  await repo.git('reset', '--quiet', '--soft', 'HEAD~2');
  expect(await repo.changes('--cached')).toEqual(changedBy(1, 2));
  await repo.theta('fsck');
  await repo.git('commit', '--quiet', '-m', 'squashed');
  expect(await tree('HEAD')).toBe(last);
  await settled(repo, { [MODEL]: main[2] });

  await repo.git('reset', '--quiet', '--mixed', 'HEAD~1');
  expect(await repo.changes('--cached')).toEqual([]);
  await repo.theta('fsck');
  await repo.theta('add', MODEL);
  await repo.git('commit', '--quiet', '-m', 'again');
  expect(await tree('HEAD')).toBe(last);
  await settled(repo, { [MODEL]: main[2] });

  await repo.git('reset', '--quiet', 'HEAD~1');
  await repo.git('commit', '--quiet', '-a', '-m', 'once more');
  expect(await tree('HEAD')).toBe(last);
  await settled(repo, { [MODEL]: main[2] });
});

test('stash and pop, of the work tree, the index and untracked files', async () => {
  const unsaved = changed(0);
  repo.write(MODEL, unsaved);
  await repo.git('stash', '--quiet');
  await settled(repo, { [MODEL]: main[2] });
  await repo.git('stash', 'pop', '--quiet');
  expect(repo.read(MODEL).equals(unsaved)).toBe(true);
  await repo.theta('fsck');

  await repo.theta('add', MODEL);
  await repo.git('stash', '--quiet');
  await settled(repo, { [MODEL]: main[2] });
  await repo.git('stash', 'pop', '--quiet', '--index');
  expect(repo.read(MODEL).equals(unsaved)).toBe(true);
  expect(await repo.changes('--cached')).toEqual(changedBy(0));
  await repo.theta('fsck');
  await repo.git('commit', '--quiet', '-m', 'stashed');
  await settled(repo, { [MODEL]: unsaved });

  await repo.theta('track', 'new.safetensors');
  const fresh = changed(3);
  repo.write('new.safetensors', fresh);
  repo.write('note.txt', 'untracked');
  await repo.git('stash', '--quiet', '--include-untracked');
  await settled(repo, { [MODEL]: unsaved });
  await repo.git('stash', 'pop', '--quiet');
  expect(repo.read('new.safetensors').equals(fresh)).toBe(true);
  await repo.git('add', '.');
  await repo.git('commit', '--quiet', '-m', 'new');
  await settledInClone(repo, { [MODEL]: unsaved, 'new.safetensors': fresh }, 'copy-stash');
});

test('stash pop onto another version of the model', async () => {
  repo.write(MODEL, changed(0));
  await repo.git('stash', '--quiet');
  await repo.git('reset', '--quiet', '--hard', 'HEAD~1');
  await repo.git('stash', 'pop', '--quiet');
  // The stash has the third version's layer 2 only in its base: the pop brings layer 0 alone.
  await repo.theta('fsck');
  await repo.git('commit', '--quiet', '-a', '-m', 'popped');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(0));
  await settledInClone(repo, { [MODEL]: repo.read(MODEL) }, 'copy-popped');
});

test.each([
  ['merge', 'copy-rebase-merge'],
  ['apply', 'copy-rebase-apply'],
])('rebase of two commits, backend %s', async (backend, clone) => {
  await repo.git('checkout', '--quiet', 'side');
  await repo.git('rebase', '--quiet', `--${backend}`, 'main');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(5));
  expect(await repo.changes('HEAD~2', 'HEAD~1')).toEqual(changedBy(4));
  await settledInClone(repo, { [MODEL]: world.history.merged }, clone);
  await repo.git('checkout', '--quiet', 'HEAD~2');
  await settled(repo, { [MODEL]: main[2] });
});

test('above theta.smudgeLimit: switch, merge and rebase write the checkpoint at their end', async () => {
  const tip = (await repo.git('rev-parse', 'side')).stdout.trim();
  await repo.git('config', 'theta.smudgeLimit', '1k');
  await repo.git('checkout', '--quiet', 'side');
  await settled(repo, { [MODEL]: side[1] });
  for (const backend of ['merge', 'apply']) {
    await repo.git('rebase', '--quiet', `--${backend}`, 'main');
    await settled(repo, { [MODEL]: world.history.merged });
    await repo.git('checkout', '--quiet', '-B', 'side', tip);
    await settled(repo, { [MODEL]: side[1] });
  }
  await repo.git('merge', '--quiet', '--no-edit', 'main');
  await settled(repo, { [MODEL]: world.history.merged });
  // No hook follows these: the manifest stays, and is as good as the file.
  await repo.git('reset', '--quiet', '--hard', 'main');
  await repo.git('cherry-pick', tip);
  expect(repo.read(MODEL).toString()).toMatch(/^\{"git-theta":1/);
  expect(await repo.status()).toEqual([]);
  await repo.theta('checkout');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(5));
  await settled(repo, { [MODEL]: repo.read(MODEL) });
  expect(repo.read(MODEL).length).toBe(main[2].length);
});

test('interactive rebase that drops, squashes and edits', async () => {
  await repo.git('checkout', '--quiet', 'side');
  const editor = { GIT_SEQUENCE_EDITOR: "sed -i -e '2s/^pick/fixup/'" };
  await repo.scratch.run('git', ['rebase', '--quiet', '-i', 'main'], {
    cwd: repo.dir,
    env: editor,
  });
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(4, 5));
  await settled(repo, { [MODEL]: world.history.merged });

  const edit = { GIT_SEQUENCE_EDITOR: "sed -i -e '1s/^pick/edit/'" };
  await repo.scratch.run('git', ['rebase', '--quiet', '-i', 'HEAD~2'], {
    cwd: repo.dir,
    env: edit,
  });
  expect(repo.read(MODEL).equals(main[2])).toBe(true);
  const edited = changed(0);
  repo.write(MODEL, edited);
  await repo.git('commit', '--quiet', '-a', '--amend', '--no-edit');
  await repo.git('rebase', '--continue');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(4, 5));
  expect(await repo.changes('main', 'HEAD~1')).toEqual(changedBy(0));
  await settledInClone(repo, { [MODEL]: repo.read(MODEL) }, 'copy-interactive');

  const drop = { GIT_SEQUENCE_EDITOR: "sed -i -e '1s/^pick/drop/'" };
  await repo.scratch.run('git', ['rebase', '--quiet', '-i', 'main~1'], {
    cwd: repo.dir,
    env: drop,
  });
  expect(await repo.changes('main~1', 'HEAD')).toEqual(changedBy(4, 5));
  await settled(repo, { [MODEL]: repo.read(MODEL) });
});

test('cherry-pick of one, of a range, and without a commit', async () => {
  await repo.git('cherry-pick', 'side~1');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(4));
  await settled(repo, { [MODEL]: repo.read(MODEL) });
  await repo.git('reset', '--quiet', '--hard', 'main~1');
  await repo.git('checkout', '--quiet', 'HEAD@{1}');
  await repo.git('reset', '--quiet', '--hard', 'HEAD~1');
  await repo.git('cherry-pick', 'side~2..side');
  await settledInClone(repo, { [MODEL]: world.history.merged }, 'copy-picked');
  await repo.git('reset', '--quiet', '--hard', 'HEAD~2');
  await repo.git('cherry-pick', '--no-commit', 'side~1', 'side');
  expect(await repo.changes('--cached')).toEqual(changedBy(4, 5));
  await repo.git('commit', '--quiet', '-m', 'both');
  await settled(repo, { [MODEL]: world.history.merged });
});

test('revert of the last commit and of one below it', async () => {
  await repo.git('revert', '--no-edit', 'HEAD');
  expect(await tree('HEAD')).toBe(await tree('HEAD~2'));
  await settled(repo, { [MODEL]: main[1] });
  await repo.git('reset', '--quiet', '--hard', 'HEAD~1');
  await repo.git('revert', '--no-edit', 'HEAD~1');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(1));
  await settledInClone(repo, { [MODEL]: repo.read(MODEL) }, 'copy-reverted');
  await repo.git('revert', '--no-edit', 'HEAD');
  await settled(repo, { [MODEL]: main[2] });
});

test('merges: fast-forward, true merge, squash', async () => {
  await repo.git('checkout', '--quiet', '-b', 'old', 'main~2');
  await repo.git('merge', '--quiet', '--ff-only', 'main');
  await settled(repo, { [MODEL]: main[2] });
  await repo.git('merge', '--quiet', '--no-edit', 'side');
  await settledInClone(repo, { [MODEL]: world.history.merged }, 'copy-merged');
  await repo.git('reset', '--quiet', '--hard', 'main');
  await repo.git('merge', '--quiet', '--squash', 'side');
  await repo.git('commit', '--quiet', '-m', 'squashed');
  await settled(repo, { [MODEL]: world.history.merged });
});

test.each([
  ['commit -a', ['commit', '--quiet', '-a', '-m', 'x']],
  ['commit -- path', ['commit', '--quiet', '-m', 'x', '--', MODEL]],
  ['commit --include', ['commit', '--quiet', '-m', 'x', '--include', MODEL]],
])('%s has the changed tensor, and the index does not lag', async (_, args) => {
  const content = changed(3);
  repo.write(MODEL, content);
  await repo.git(...args);
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(3));
  await settledInClone(repo, { [MODEL]: content }, `copy-commit-${args[2]}${args[4]?.slice(2)}`);
  const next = changed(4);
  repo.write(MODEL, next);
  await repo.git('commit', '--quiet', '-a', '--amend', '-m', 'amended');
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(4));
  await settled(repo, { [MODEL]: next });
});

test('a partial commit leaves another staged model staged', async () => {
  await repo.theta('track', 'other.safetensors');
  const other = safetensors({ a: values(4096) });
  repo.write('other.safetensors', other);
  await repo.theta('add', 'other.safetensors');
  const content = changed(3);
  repo.write(MODEL, content);
  await repo.git('commit', '--quiet', '-m', 'the one', '--', MODEL);
  expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(3));
  expect(await repo.changes('--cached')).toEqual(
    [
      '.gitattributes',
      '.git_theta/other.safetensors/.skeleton/c.0',
      '.git_theta/other.safetensors/.skeleton/zarr.json',
      '.git_theta/other.safetensors/a/c.0',
      '.git_theta/other.safetensors/a/zarr.json',
      '.git_theta/other.safetensors/zarr.json',
      'other.safetensors',
    ].sort(),
  );
  await repo.git('commit', '--quiet', '-m', 'the other');
  await settledInClone(repo, { [MODEL]: content, 'other.safetensors': other }, 'copy-partial');
});

test.each([['.'], ['-A'], ['-u']])(
  'git add %s stages the model; commit completes it',
  async (how) => {
    const content = changed(3);
    repo.write(MODEL, content);
    await repo.git('add', how);
    expect(await repo.changes('--cached')).toEqual([MODEL]);
    await repo.theta('fsck');
    await repo.git('commit', '--quiet', '-m', 'x');
    expect(await repo.changes('HEAD~1', 'HEAD')).toEqual(changedBy(3));
    await settled(repo, { [MODEL]: content });
  },
);

test('a deleted work tree comes back', async () => {
  rmSync(repo.path('models'), { recursive: true });
  rmSync(repo.path('.git_theta'), { recursive: true });
  await repo.git('checkout', '--', '.');
  await settled(repo, { [MODEL]: main[2] });
  await repo.git('rm', '-r', '--quiet', '.');
  await repo.git('reset', '--quiet', '--hard');
  await settled(repo, { [MODEL]: main[2] });
});

test('an added tensor and a removed one, by plain git', async () => {
  const { 'layer.0.weight': _, ...rest } = world.history.tensors;
  const content = safetensors({ ...rest, added: values(10), constant: new Float32Array(7) });
  repo.write(MODEL, content);
  await repo.git('commit', '--quiet', '-a', '-m', 'other tensors');
  await settledInClone(repo, { [MODEL]: content }, 'copy-tensors');
  await repo.git('checkout', '--quiet', 'HEAD~1');
  await settled(repo, { [MODEL]: main[2] });
});
