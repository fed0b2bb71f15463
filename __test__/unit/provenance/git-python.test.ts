// The Python callback and we tell the same of the same repositories.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { gitStatus } from '../../../src/provenance/git';
import { CHECKOUT } from '../../support/env';
import { project, repository, run, STATES, withSubmodule, write } from './git-repositories';

const python = ['python3', 'python'].find((name) => {
  const { status } = spawnSync(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']);
  return status === 0;
});

const SCRIPT = `
import dataclasses, json, sys
sys.path.insert(0, sys.argv[1])
import git_theta_callback
state = git_theta_callback._read_state(sys.argv[2])
told = dataclasses.asdict(state)
print(json.dumps({name: told[name] for name in sys.argv[3:]}))
`;
const FIELDS = [
  'status',
  'tree',
  'code_tree',
  'object_format',
  'shallow',
  'code_changes',
  'untracked_code',
  'hidden',
];

async function bothTell(root: string): Promise<void> {
  const source = join(CHECKOUT, 'python', 'src');
  const args = ['-B', '-c', SCRIPT, source, root, ...FIELDS];
  const theirs = JSON.parse(
    execFileSync(python ?? '', args, { encoding: 'utf8', env: process.env }),
  );
  const { state, six, changed, untracked } = await gitStatus(root);
  expect({
    status: six,
    tree: state.tree,
    code_tree: state.code_tree,
    object_format: state.object_format,
    shallow: state.flags.shallow,
    code_changes: changed.map(({ path }) => path),
    untracked_code: untracked,
    hidden: state.flags.assume_unchanged,
  }).toEqual(theirs);
  expect(state.code_dirty).toBe(theirs.code_changes.length > 0);
}

(python ? describe : describe.skip)('as the Python callback', () => {
  test.each(Object.keys(STATES))('%s', async (name) => {
    const root = project();
    STATES[name]?.(root);
    await bothTell(root);
  });

  test('no commit, and SHA-256', async () => {
    const unborn = repository();
    write(unborn, 'a.py', 'a');
    write(unborn, 'b.py', 'b');
    run(unborn, 'add', 'b.py');
    await bothTell(unborn);
    const root = project('--object-format=sha256');
    write(root, 'train.py', 'other');
    await bothTell(root);
    await bothTell(join(root, 'lib'));
  });

  test('submodules', async () => {
    const root = withSubmodule();
    await bothTell(root);
    write(root, 'sub/new.py', 'x');
    await bothTell(root);
    write(root, 'sub/train.py', 'x');
    await bothTell(root);
  });
});
