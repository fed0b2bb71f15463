// The Python callback and we tell the same of the same repositories.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gitStatus } from '../../../src/provenance/git';
import { readStamp, verifyStamp } from '../../../src/provenance/stamping';
import { CHECKOUT } from '../../support/env';
import { project, repository, run, STATES, withSubmodule, write } from './git-repositories';
import { withFile } from './stamping-files';

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
/** What the Trainer of transformers does when it saves. */
const SAVE = `
import sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
from git_theta_callback import GitCommitTrainerCallback
callback = GitCommitTrainerCallback(sys.argv[2], "strict")
args = SimpleNamespace(output_dir=sys.argv[3])
state = SimpleNamespace(global_step=5, is_world_process_zero=True)
callback.on_save(args, state, None)
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

  test('the stamp that it writes beside weights is read and verified', async () => {
    const { root, file } = withFile('safetensors/bf16.safetensors');
    const out = join(dirname(dirname(file)), 'out');
    const weights = join(out, 'checkpoint-5', 'model.safetensors');
    mkdirSync(dirname(weights), { recursive: true });
    copyFileSync(file, weights);
    execFileSync(python ?? '', ['-B', '-c', SAVE, join(CHECKOUT, 'python', 'src'), root, out]);
    const { six } = await gitStatus(root);
    expect(await readStamp(weights)).toMatchObject({
      where: 'sidecar',
      six: { ...six, num_untracked_files: expect.any(Number) },
      problems: [],
    });
    const strict = () => verifyStamp(weights, { dir: root, mode: 'strict' });
    expect(await strict()).toMatchObject({ ok: true, commit: six.commit_hash });
    write(root, 'train.py', 'other');
    run(root, 'commit', '-qam', 'other');
    expect(await strict()).toMatchObject({ ok: false });
  });
});
