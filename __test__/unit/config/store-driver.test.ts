import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mergeResultPath, STORE_DRIVER } from '../../../src/config/store-driver';
import { Scratch } from './scratch';

const PATHS = [
  '.git_theta/model.pt/layer.weight/c.0.0',
  '.git_theta/it\'s a %A $HOME `x` "model".pt/w/c.0',
  '.git_theta/модель.pt/w/zarr.json',
];

const oid = (text: string) => createHash('sha256').update(text).digest('hex');
const pointer = (text: string) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${oid(text)}\nsize ${text.length}\n`;

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
  scratch.repository();
  scratch.git(['config', 'merge.theta-store.driver', STORE_DRIVER]);
  scratch.write('.gitattributes', '.git_theta/** merge=theta-store -text\n');
  commit('base');
  scratch.git(['switch', '-q', '-c', 'side']);
  commit('theirs');
  scratch.git(['switch', '-q', 'main']);
  commit('ours');
});

afterEach(() => scratch.dispose());

/** Commits a version of every store file whose objects are named after `side`. */
function commit(side: string): void {
  for (const path of PATHS) scratch.write(path, pointer(`${side} ${path}`));
  scratch.git(['add', '-A']);
  scratch.git(['commit', '-q', '-m', side]);
}

/** Records a result for every path, as the driver of the manifest does. */
function record(ours: string, theirs: string, cwd = process.cwd()): void {
  const gitDir = scratch.git(['rev-parse', '--absolute-git-dir'], cwd).trim();
  for (const path of PATHS) {
    const file = mergeResultPath(gitDir, path, oid(`${ours} ${path}`), oid(`${theirs} ${path}`));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, pointer(`merged ${path}`));
  }
}

function expectMerged(cwd = process.cwd()): void {
  for (const path of PATHS) {
    expect(readFileSync(join(cwd, path), 'utf8')).toBe(pointer(`merged ${path}`));
  }
  expect(scratch.git(['status', '--porcelain'], cwd)).toBe('');
}

test('merge takes the recorded results', () => {
  record('ours', 'theirs');
  scratch.git(['merge', '-q', '--no-edit', 'side']);
  expectMerged();
});

test('merge works from a subfolder', () => {
  record('ours', 'theirs');
  scratch.git(['merge', '-q', '--no-edit', 'side'], join(process.cwd(), '.git_theta'));
  expectMerged();
});

test('cherry-pick takes the recorded results', () => {
  record('ours', 'theirs');
  scratch.git(['cherry-pick', 'side']);
  expectMerged();
});

test('rebase takes the recorded results: the branch that is moved is theirs', () => {
  record('theirs', 'ours');
  scratch.git(['rebase', '-q', 'side']);
  expectMerged();
});

test('revert takes the recorded results', () => {
  commit('later');
  record('later', 'base');
  scratch.git(['revert', '--no-edit', 'HEAD~1']);
  expectMerged();
});

test('a linked work tree has results of its own', () => {
  const linked = join(scratch.root, 'linked');
  scratch.git(['worktree', 'add', '-q', '-b', 'other', linked]);
  record('ours', 'theirs', linked);
  scratch.git(['merge', '-q', '--no-edit', 'side'], linked);
  expectMerged(linked);
  expect(scratch.succeeds(['merge', '-q', '--no-edit', 'side'])).toBe(false);
});

test('GIT_DIR and GIT_WORK_TREE are honoured', () => {
  record('ours', 'theirs');
  const repo = process.cwd();
  const elsewhere = [`--git-dir=${join(repo, '.git')}`, `--work-tree=${repo}`];
  scratch.git([...elsewhere, 'merge', '-q', '--no-edit', 'side'], scratch.root);
  expectMerged();
});

test('without a result the merge conflicts, and ours stays in the work tree', () => {
  expect(scratch.succeeds(['merge', '-q', 'side'])).toBe(false);
  expect(scratch.git(['diff', '--name-only', '--diff-filter=U', '-z']).split('\0')).toHaveLength(4);
  expect(readFileSync(PATHS[0] as string, 'utf8')).toBe(pointer(`ours ${PATHS[0]}`));
});

test('a result for other contents is not taken', () => {
  record('ours', 'older');
  record('theirs', 'ours');
  expect(scratch.succeeds(['merge', '-q', 'side'])).toBe(false);
});

test('files that are no pointers conflict', () => {
  const path = PATHS[0] as string;
  for (const side of ['side', 'main']) {
    scratch.git(['switch', '-q', side]);
    scratch.write(path, `raw\n${side}\n`);
    scratch.git(['commit', '-q', '-a', '-m', 'raw']);
  }
  record('ours', 'theirs');
  expect(scratch.succeeds(['merge', '-q', 'side'])).toBe(false);
  expect(scratch.git(['diff', '--name-only', '--diff-filter=U'])).toContain(path);
});
