// Uncommitted code as a commit: what is in it, what is not, and that nothing else changes.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { snapshot } from '../../../src/provenance/snapshot';
import {
  commit,
  conflict,
  folder,
  oddName,
  project,
  repository,
  run,
  withSubmodule,
  write,
} from './git-repositories';

const posix = process.platform !== 'win32';
const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

/** Everything that must stay as it is: index, HEAD, branches, files. */
function world(root: string): unknown {
  return [
    readFileSync(join(root, '.git/index')).toString('latin1'),
    run(root, 'rev-parse', 'HEAD', '--exclude=refs/theta/*', '--all'),
    run(root, 'symbolic-ref', 'HEAD'),
    statSync(join(root, '.git/index'), { bigint: true }).mtimeNs,
  ];
}

async function take(root: string) {
  const made = await snapshot({ dir: root });
  if (!made) throw new Error('no snapshot');
  return made;
}

const show = (root: string, tree: string, path: string) => run(root, 'show', `${tree}:${path}`);
/** Mode and name of all that differs from HEAD. */
const changes = (root: string, tree: string) =>
  run(root, 'diff-tree', '-r', '--no-renames', 'HEAD', tree)
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/^:\d+ (\d+) \S+ \S+ (.)\t/, '$2 $1 '));

test('a clean tree needs none, nor do changed models', async () => {
  const root = project();
  expect(await snapshot({ dir: root })).toBeNull();
  write(root, 'model.ckpt', 'other weights');
  write(root, 'new.ckpt', 'new');
  write(root, '.git_theta/new.ckpt/data', 'tensor');
  rmSync(join(root, '.git_theta/model.ckpt/data'));
  expect(await snapshot({ dir: root })).toBeNull();
  expect(run(root, 'for-each-ref', 'refs/theta')).toBe('');
});

test('tracked and untracked files, as they are in the work tree', async () => {
  const root = project();
  write(root, 'train.py', 'staged\n');
  run(root, 'add', 'train.py');
  write(root, 'train.py', 'in the work tree\n');
  write(root, 'lib/later.py', 'later\n');
  run(root, 'add', '-N', 'lib/later.py');
  rmSync(join(root, 'lib/a.py'));
  renameSync(join(root, 'lib-b.py'), join(root, 'lib-c.py'));
  write(root, '.gitignore', '*.log\n');
  write(root, 'a.log', 'ignored');
  write(root, 'forced.log', 'ignored, but added');
  run(root, 'add', '-f', 'forced.log');
  write(root, 'model.ckpt', 'other weights');
  const before = world(root);
  const made = await take(root);
  expect(world(root)).toEqual(before);
  expect(changes(root, made.commit)).toEqual([
    'A 100644 .gitignore',
    'A 100644 forced.log',
    'D 000000 lib-b.py',
    'A 100644 lib-c.py',
    'D 000000 lib/a.py',
    'A 100644 lib/later.py',
    'M 100644 train.py',
  ]);
  expect(made.files).toBe(7);
  expect(show(root, made.tree, 'train.py')).toBe('in the work tree\n');
  expect(made.leftOut).toEqual([
    { path: 'model.ckpt', kind: 'model', size: 13, sha256: sha256('other weights') },
  ]);
  expect(run(root, 'rev-parse', made.ref, `${made.ref}^`).trim().split('\n')).toEqual([
    made.commit,
    run(root, 'rev-parse', 'HEAD').trim(),
  ]);
  expect(made.ref).toBe(`refs/theta/snapshots/${made.id}`);
});

test('the same files on the same commit are one snapshot', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  const first = await take(root);
  expect(first.created).toBe(true);
  run(root, 'config', 'user.name', 'Somebody Else');
  run(root, 'config', 'commit.gpgSign', 'true');
  run(root, 'config', 'i18n.commitEncoding', 'latin1');
  run(root, 'add', '-A');
  expect(await take(root)).toEqual({ ...first, created: false });
  expect(run(root, 'for-each-ref', '--format=%(refname)', 'refs/theta').trim()).toBe(first.ref);
  const head = run(root, 'log', '-1', '--format=%ct', 'HEAD').trim();
  expect(run(root, 'log', '-1', '--format=%ct %at %an', first.ref).trim()).toBe(
    `${head} ${head} git-theta`,
  );
  write(root, 'train.py', 'print(3)\n');
  expect((await take(root)).id).not.toBe(first.id);
});

test('SOURCE_DATE_EPOCH is its date', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  process.env.SOURCE_DATE_EPOCH = '1234567';
  try {
    expect((await take(root)).date).toBe(1234567);
    process.env.SOURCE_DATE_EPOCH = '--help';
    expect((await take(root)).date).toBe(Number(run(root, 'log', '-1', '--format=%ct').trim()));
  } finally {
    delete process.env.SOURCE_DATE_EPOCH;
  }
});

test('large files are left out, with their hash, wherever they are', async () => {
  const root = project();
  const large = Buffer.alloc(10 * 1024 * 1024 + 1, 'x');
  write(root, 'small.bin', large.subarray(1));
  write(root, 'large.bin', large);
  write(root, 'train.py', large);
  const made = await take(root);
  expect(changes(root, made.tree)).toEqual(['A 100644 small.bin']);
  const entry = { kind: 'large', size: large.length, sha256: sha256(large) };
  expect(made.leftOut).toEqual([
    { path: 'large.bin', ...entry },
    { path: 'train.py', ...entry },
  ]);
  // Alone they are a reason, too: HEAD is not the code.
  rmSync(join(root, 'small.bin'));
  const other = await take(root);
  expect(other.files).toBe(0);
  expect(run(root, 'log', '-1', '--format=%B', other.commit)).toBe(
    `Snapshot of uncommitted code

Theta-Snapshot: 1
Theta-Left-Out: {"kind":"large","path":"large.bin","sha256":"${entry.sha256}","size":10485761}
Theta-Left-Out: {"kind":"large","path":"train.py","sha256":"${entry.sha256}","size":10485761}

`,
  );
});

test('no filter of a model runs, and others cannot change or stop it', async () => {
  const root = project();
  const marker = join(folder(), 'ran');
  const spy = `touch '${marker}' && cat`;
  for (const command of ['clean', 'smudge']) run(root, 'config', `filter.theta.${command}`, spy);
  run(root, 'config', 'filter.theta.required', 'true');
  // Touched, of the same size: git would have to clean it to know.
  write(root, 'model.ckpt', 'WEIGHTS');
  write(root, 'second.ckpt', 'w');
  run(root, 'config', 'filter.bad.clean', 'exit 1');
  run(root, 'config', 'filter.bad.required', 'true');
  write(root, '.gitattributes', '*.ckpt filter=theta\n*.py filter=bad text eol=crlf ident\n');
  write(root, 'train.py', 'a\r\nb\n$Id$\n');
  const made = await take(root);
  expect(() => statSync(marker)).toThrow();
  expect(show(root, made.tree, 'train.py')).toBe('a\r\nb\n$Id$\n');
  expect(show(root, made.tree, 'model.ckpt')).toBe('weights');
  expect(made.leftOut.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
    'model model.ckpt',
    'model second.ckpt',
  ]);
});

test('a file whose line ends git converts is no change', async () => {
  const root = project();
  write(root, '.gitattributes', '*.ckpt filter=theta\n*.txt text eol=crlf\n');
  write(root, 'a.txt', 'a\r\nb\r\n');
  commit(root);
  write(root, 'a.txt', 'a\r\nb\r\n');
  expect(await snapshot({ dir: root })).toBeNull();
});

test('files that git is told to overlook are looked at', async () => {
  const root = project();
  run(root, 'update-index', '--assume-unchanged', 'train.py');
  run(root, 'update-index', '--skip-worktree', 'lib/a.py', 'model.ckpt');
  expect(await snapshot({ dir: root })).toBeNull();
  write(root, 'train.py', 'print(2)\n');
  write(root, 'lib/a.py', 'a = 2\n');
  const before = run(root, 'ls-files', '-v');
  expect(changes(root, (await take(root)).tree)).toEqual([
    'M 100644 lib/a.py',
    'M 100644 train.py',
  ]);
  expect(run(root, 'ls-files', '-v')).toBe(before);
});

test('a sparse checkout loses nothing', async () => {
  const root = project();
  run(root, 'sparse-checkout', 'set', '--no-cone', '/*', '!/lib/');
  expect(await snapshot({ dir: root })).toBeNull();
  write(root, 'train.py', 'print(2)\n');
  expect(changes(root, (await take(root)).tree)).toEqual(['M 100644 train.py']);
});

test('a conflict is what is in the work tree', async () => {
  const root = project();
  conflict(root);
  const made = await take(root);
  expect(show(root, made.tree, 'train.py')).toMatch(/^<<<<<<< /);
  expect(run(root, 'ls-files', '-u')).not.toBe('');
});

(posix ? test : test.skip)('execute bits, links, and names that are not UTF-8', async () => {
  const root = project();
  chmodSync(join(root, 'train.py'), 0o755);
  rmSync(join(root, 'lib-b.py'));
  symlinkSync('nowhere/../é', join(root, 'lib-b.py'));
  symlinkSync('lib', join(root, 'folder-link'));
  const odd = oddName(root);
  write(root, 'lib/"quoted"\n\tname é', 'x');
  const made = await take(root);
  expect(changes(root, made.tree)).toEqual([
    'A 120000 folder-link',
    'T 120000 lib-b.py',
    'A 100644 "lib/\\"quoted\\"\\n\\tname \\303\\251"',
    ...(odd ? ['A 100644 "lib/\\351\\377"'] : []),
    'M 100755 train.py',
  ]);
  expect(show(root, made.tree, 'lib-b.py')).toBe('nowhere/../é');
});

(posix ? test : test.skip)('a folder that became a link, and what is no file', async () => {
  const root = project();
  renameSync(join(root, 'lib'), join(root, 'real'));
  symlinkSync('real', join(root, 'lib'));
  rmSync(join(root, 'lib-b.py'));
  mkdirSync(join(root, 'lib-b.py'));
  write(root, 'lib-b.py/inside.py', 'x');
  rmSync(join(root, 'train.py'));
  execFileSync('mkfifo', [join(root, 'train.py')]);
  const made = await take(root);
  expect(changes(root, made.tree)).toEqual([
    'A 120000 lib',
    'D 000000 lib-b.py',
    'A 100644 lib-b.py/inside.py',
    'D 000000 lib/a.py',
    'A 100644 real/a.py',
    'D 000000 train.py',
  ]);
  expect(made.leftOut).toEqual([{ path: 'train.py', kind: 'special' }]);
});

(posix && process.getuid?.() !== 0 ? test : test.skip)(
  'a file that cannot be read is an error',
  async () => {
    const root = project();
    write(root, 'secret.py', 'x', 0o000);
    await expect(snapshot({ dir: root })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_IO',
      message: 'secret.py: permission denied',
    });
  },
);

test('submodules and repositories inside', async () => {
  const root = withSubmodule();
  const inner = join(root, 'sub');
  const id = () => run(inner, 'rev-parse', 'HEAD').trim();
  expect(await snapshot({ dir: root })).toBeNull();
  write(inner, 'untracked.txt', 'x');
  const first = await take(root);
  expect(first.files).toBe(0);
  expect(first.leftOut).toEqual([{ path: 'sub', kind: 'submodule', commit: id() }]);
  commit(inner, 'in the submodule');
  const second = await take(root);
  expect(second.leftOut).toEqual([]);
  expect(run(root, 'ls-tree', second.tree, 'sub')).toBe(`160000 commit ${id()}\tsub\n`);
  run(root, 'add', 'sub');
  commit(root, 'newer submodule');
  run(root, 'init', '-q', 'nested');
  write(root, 'nested/a.txt', 'a');
  expect((await take(root)).leftOut).toEqual([
    { path: 'nested', kind: 'repository', commit: null },
  ]);
});

test('before the first commit', async () => {
  const root = repository();
  expect(await snapshot({ dir: root })).toBeNull();
  write(root, 'train.py', 'print(1)\n');
  const made = await take(root);
  expect(made).toMatchObject({ parent: null, date: 0, files: 1 });
  expect(run(root, 'ls-tree', '--name-only', made.commit)).toBe('train.py\n');
  expect(run(root, 'log', '-1', '--format=%P', made.commit).trim()).toBe('');
});

test('with sha256, from a folder below, a linked work tree and a hook', async () => {
  const root = project('--object-format=sha256');
  write(root, 'lib/new.py', 'x\n');
  const made = await snapshot({ dir: join(root, 'lib') });
  expect(made?.commit).toHaveLength(64);
  const linked = join(folder(), 'linked');
  run(root, 'worktree', 'add', '-q', linked, '-b', 'other');
  write(linked, 'train.py', 'print(9)\n');
  const saved = { ...process.env };
  let other: Awaited<ReturnType<typeof take>>;
  Object.assign(process.env, { GIT_DIR: '/nowhere', GIT_INDEX_FILE: '/nowhere/index' });
  try {
    other = await take(linked);
  } finally {
    for (const name of ['GIT_DIR', 'GIT_INDEX_FILE']) delete process.env[name];
    Object.assign(process.env, saved);
  }
  expect(changes(linked, other.tree)).toEqual(['M 100644 train.py']);
});

test('more files than fit into one batch', async () => {
  const root = project();
  for (let n = 0; n < 1203; n++) write(root, `many/${n}.txt`, `${n}`);
  const made = await take(root);
  expect(made.files).toBe(1203);
  expect(show(root, made.tree, 'many/1202.txt')).toBe('1202');
  expect(run(root, 'fsck', '--strict', '--no-dangling')).toBe('');
});

test('pushed, and a push that fails', async () => {
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  await expect(snapshot({ dir: root, push: true })).rejects.toMatchObject({
    code: 'ERR_THETA_PROVENANCE_IO',
    message: 'the snapshot was not pushed: there is no remote',
  });
  const remote = repository('--bare');
  run(root, 'remote', 'add', 'origin', remote);
  run(root, 'remote', 'add', 'broken', 'https://me:secret@localhost:1/none.git');
  const made = await snapshot({ dir: root, push: true });
  expect(made).toMatchObject({ pushed: 'origin', created: false });
  expect(run(remote, 'rev-parse', made?.ref ?? '').trim()).toBe(made?.commit);
  for (const [name, code] of [
    ['broken', 'ERR_THETA_PROVENANCE_IO'],
    ['nowhere', 'ERR_THETA_PROVENANCE_IO'],
    ['--upload-pack=touch x', 'ERR_THETA_USAGE'],
  ]) {
    const failed = await snapshot({ dir: root, push: true, remote: name }).catch((e) => e);
    expect(failed).toMatchObject({ code });
    expect(failed.message).not.toMatch(/secret/);
  }
});

test('no repository, a bare one, and a cancelled call', async () => {
  const bare = repository('--bare');
  for (const dir of [folder(), bare, join(bare, 'nowhere')])
    await expect(snapshot({ dir })).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_NO_GIT' });
  const root = project();
  write(root, 'train.py', 'print(2)\n');
  await expect(snapshot({ dir: root, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ERR_THETA_CANCELLED',
  });
  expect(spawnSync('ls', [join(root, '.git/theta/tmp')]).stdout.toString()).toBe('');
});
