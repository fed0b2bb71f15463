// Running a command: the gate, what the command learns, how it ends, and which of its files are stamped.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { gitStatus } from '../../../src/provenance/git';
import { run } from '../../../src/provenance/running';
import { codeNow } from '../../../src/provenance/running/code-at';
import { keepCode } from '../../../src/provenance/running/keep-code';
import { keygen, sign } from '../../../src/provenance/signing';
import { unstamp, verifyStamp } from '../../../src/provenance/stamping';
import {
  commit,
  fates,
  fixture,
  folder,
  git,
  posix,
  SAFETENSORS,
  script,
  stampOf,
  TORCH,
  train,
  training,
  write,
} from './run-support';

const pause = () => new Promise((done) => setTimeout(done, 20));
const onPosix = posix ? test : test.skip;

describe('the gate', () => {
  test('uncommitted code is refused in strict mode, and the command is not started', async () => {
    const dir = training();
    write(dir, 'train.py', 'print(2)\n');
    const report = await train(dir, `fs.writeFileSync('made.log', '')`, { mode: 'strict' });
    expect(report).toMatchObject({ refused: true, exitCode: 125, signal: null, files: [] });
    expect(report.gate.problems).toMatchObject([{ code: 'dirty', level: 'error' }]);
    expect(existsSync(join(dir, 'made.log'))).toBe(false);
  });

  test('relaxed mode runs on, and the stamp tells', async () => {
    const dir = training();
    write(dir, 'train.py', 'print(2)\n');
    const report = await train(dir, `copy(TORCH, 'new.pt')`, { mode: 'relaxed' });
    expect(report).toMatchObject({ refused: false, exitCode: 0 });
    expect(report.gate.problems).toMatchObject([{ code: 'dirty', level: 'warning' }]);
    const { git: state, run: told } = await stampOf(dir, 'new.pt');
    expect(state).toMatchObject({ code_dirty: true, dirty_kinds: ['content'] });
    expect(told).toMatchObject({ start_state: { code_dirty: true }, changed_during_run: false });
  });

  test('untracked code by policy; what onGate throws', async () => {
    const dir = training();
    write(dir, 'new.py', 'x');
    const strict = { mode: 'strict', untracked: 'fail' } as const;
    expect((await train(dir, '', strict)).exitCode).toBe(125);
    expect((await train(dir, '', { ...strict, untracked: 'ignore' })).exitCode).toBe(0);
    const onGate = () => {
      throw new Error('no');
    };
    await expect(train(dir, `fs.writeFileSync('made.log', '')`, { onGate })).rejects.toThrow('no');
    expect(existsSync(join(dir, 'made.log'))).toBe(false);
  });

  test('no command', async () => {
    for (const command of [[], [''], ['a\0b']])
      await expect(run(command, { dir: training() })).rejects.toMatchObject({
        code: 'ERR_THETA_USAGE',
      });
  });
});

describe('uncommitted code that is kept', () => {
  const keep = { mode: 'relaxed', untracked: 'ignore', snapshot: true } as const;
  const refs = (dir: string) =>
    git(dir, 'for-each-ref', '--format=%(refname)', 'refs/theta').trim();

  test('is that of the start, in the stamp of every checkpoint', async () => {
    const dir = training();
    write(dir, 'train.py', 'print(2)\n');
    write(dir, 'new.py', 'new\n');
    write(dir, 'model.ckpt', 'other weights');
    const body = `copy(TORCH, 'a.pt'); await until(() => stamped('a.pt'));
      fs.writeFileSync('train.py', 'print(3)'); fs.writeFileSync('late.py', '');
      copy(SAFETENSORS, 'b.safetensors')`;
    const report = await train(dir, body, keep);
    expect(fates(dir, report)).toEqual({ 'a.pt': 'stamped', 'b.safetensors': 'stamped' });
    const { changes } = report;
    if (!changes) throw new Error('no snapshot');
    const { snapshot_commit: made, snapshot_ref: ref } = changes;
    expect(refs(dir)).toBe(ref);
    expect(git(dir, 'rev-parse', ref, `${made}^`)).toBe(
      `${made}\n${git(dir, 'rev-parse', 'HEAD')}`,
    );
    expect(git(dir, 'diff', '--name-only', 'HEAD', made)).toBe('new.py\ntrain.py\n');
    expect(git(dir, 'show', `${made}:train.py`)).toBe('print(2)\n');
    for (const name of ['a.pt', 'b.safetensors'])
      expect(await stampOf(dir, name)).toMatchObject({ changes, git: { code_dirty: true } });
    expect((await stampOf(dir, 'b.safetensors')).run?.changed_during_run).toBe(true);
    // The same code is the same snapshot.
    write(dir, 'train.py', 'print(2)\n');
    rmSync(join(dir, 'late.py'));
    expect((await train(dir, '', keep)).changes).toEqual(changes);
    expect(refs(dir)).toBe(ref);
  });

  test('there is none of committed code, of a refused run, and unasked', async () => {
    const dir = training();
    write(dir, 'model.ckpt', 'other weights');
    const body = `copy(TORCH, 'a.pt')`;
    expect((await train(dir, body, keep)).changes).toBeNull();
    expect(await stampOf(dir, 'a.pt')).not.toHaveProperty('changes');
    write(dir, 'train.py', 'print(2)\n');
    const strict = await train(dir, body, { ...keep, mode: 'strict' });
    expect(strict).toMatchObject({ refused: true, changes: null });
    expect((await train(dir, body, { mode: 'relaxed' })).changes).toBeNull();
    expect(refs(dir)).toBe('');
  });

  test('untracked files that strict mode lets pass are kept', async () => {
    const dir = training();
    write(dir, 'new.py', 'new\n');
    const { changes } = await train(dir, '', { ...keep, mode: 'strict' });
    expect(git(dir, 'show', `${changes?.snapshot_commit}:new.py`)).toBe('new\n');
  });

  test('where the environment states the commit there is none', async () => {
    const dir = folder();
    process.env.GIT_THETA_GIT_COMMIT = 'c'.repeat(40);
    try {
      expect(await train(dir, '', keep)).toMatchObject({ exitCode: 0, changes: null });
      process.env.GIT_THETA_GIT_DIRTY = '1';
      const body = `fs.writeFileSync('made.log', '')`;
      await expect(train(dir, body, keep)).rejects.toMatchObject({
        code: 'ERR_THETA_PROVENANCE_NO_GIT',
      });
    } finally {
      delete process.env.GIT_THETA_GIT_COMMIT;
      delete process.env.GIT_THETA_GIT_DIRTY;
    }
    expect(existsSync(join(dir, 'made.log'))).toBe(false);
  });

  test('code that changes meanwhile is refused', async () => {
    const refused = {
      code: 'ERR_THETA_PROVENANCE_REFUSED',
      message: 'the code changed while the snapshot was made',
    };
    const dir = training();
    write(dir, 'train.py', 'print(2)\n');
    const edited = await codeNow(dir);
    write(dir, 'train.py', 'print(3)\n');
    await expect(keepCode(dir, edited, undefined)).rejects.toMatchObject(refused);
    const committed = await codeNow(dir);
    commit(dir, 'meanwhile');
    await expect(keepCode(dir, committed, undefined)).rejects.toMatchObject(refused);
    expect(await keepCode(dir, await codeNow(dir), undefined)).toBeNull();
  });
});

test('what the command learns of the code', async () => {
  const dir = training();
  process.env.GIT_THETA_GIT_BRANCH = 'stale';
  try {
    git(dir, 'checkout', '-q', '--detach');
    await train(
      dir,
      `fs.writeFileSync('env.log', JSON.stringify({ ...process.env, cwd: process.cwd() }))`,
    );
  } finally {
    delete process.env.GIT_THETA_GIT_BRANCH;
  }
  const env = JSON.parse(readFileSync(join(dir, 'env.log'), 'utf8'));
  const { state } = await gitStatus(dir);
  expect(env).toMatchObject({
    cwd: dir,
    GIT_THETA_GIT_COMMIT: state.commit,
    GIT_THETA_GIT_DIRTY: '0',
    GIT_THETA_PROVENANCE_CODE_TREE: state.code_tree,
    GIT_THETA_PROVENANCE_STARTED: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(env).not.toHaveProperty('GIT_THETA_GIT_BRANCH');
});

describe('how the command ends', () => {
  test('its exit code', async () => {
    const dir = training();
    expect(await train(dir, 'process.exit(7)')).toMatchObject({ exitCode: 7, signal: null });
  });

  test('no such program', async () => {
    const dir = training();
    const report = await run(['git-theta-no-such-program'], { dir });
    expect(report).toMatchObject({ exitCode: 127, notStarted: 'no such program', files: [] });
  });

  onPosix('a file that cannot be executed', async () => {
    const dir = training();
    const report = await run([join(dir, 'train.py')], { dir });
    expect(report).toMatchObject({ exitCode: 126, notStarted: expect.stringContaining('EACCES') });
  });

  onPosix('a signal, and the last look all the same', async () => {
    const dir = training();
    const report = await train(
      dir,
      `copy(SAFETENSORS, 'new.safetensors'); process.kill(process.pid, 'SIGKILL'); await sleep(60000)`,
    );
    expect(report).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
    expect(fates(dir, report)).toEqual({ 'new.safetensors': 'stamped' });
  });

  onPosix('signals to us go to the command, which may save something', async () => {
    const dir = training();
    const before = process.listenerCount('SIGHUP');
    for (const name of ['SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) {
      const body = `process.on('${name}', () => { copy(TORCH, '${name}.pt'); process.exit(3); });
        fs.writeFileSync('${name}.log', '');
        await sleep(60000);`;
      const running = train(dir, body);
      while (!existsSync(join(dir, `${name}.log`))) await pause();
      process.emit(name, name);
      const report = await running;
      expect(report).toMatchObject({ exitCode: 3, signal: null });
      expect(fates(dir, report)).toEqual({ [`${name}.pt`]: 'stamped' });
    }
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  onPosix('AbortSignal', async () => {
    const dir = training();
    const controller = new AbortController();
    const body = `fs.writeFileSync('begun.log', ''); await sleep(60000)`;
    const running = train(dir, body, { signal: controller.signal });
    while (!existsSync(join(dir, 'begun.log'))) await pause();
    controller.abort();
    expect(await running).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
  });
});

describe('which files are stamped', () => {
  test('a zip while the command runs; old files not at all', async () => {
    const dir = training();
    const old = readFileSync(join(dir, 'old.pt'));
    const before = lstatSync(join(dir, 'old.pt'), { bigint: true });
    const report = await train(
      dir,
      `copy(TORCH, 'new.pt');
      const time = new Date('2024-05-06T07:08:09.123Z');
      fs.utimesSync('new.pt', time, time);
      await until(() => stamped('new.pt'));`,
    );
    expect(report.exitCode).toBe(0);
    expect(fates(dir, report)).toEqual({ 'new.pt': 'stamped' });
    expect(readFileSync(join(dir, 'old.pt')).equals(old)).toBe(true);
    expect(lstatSync(join(dir, 'old.pt'), { bigint: true })).toMatchObject({
      ino: before.ino,
      mtimeNs: before.mtimeNs,
      ctimeNs: before.ctimeNs,
    });
    expect(statSync(join(dir, 'new.pt')).mtime.toISOString()).toBe('2024-05-06T07:08:09.123Z');
    const { git: state, run: told } = await stampOf(dir, 'new.pt');
    expect(state.commit).toBe((await gitStatus(dir)).state.commit);
    expect(told).toMatchObject({ changed_during_run: false, end_state: { code_dirty: false } });
    // The end was not known yet.
    expect(told).not.toHaveProperty('ended');
    const verified = await verifyStamp(join(dir, 'new.pt'), { dir, mode: 'strict' });
    expect(verified.ok).toBe(true);
    await unstamp(join(dir, 'new.pt'));
    expect(readFileSync(join(dir, 'new.pt')).equals(readFileSync(TORCH))).toBe(true);
  });

  test('a half-written zip only when it is complete', async () => {
    const dir = training();
    const report = await train(
      dir,
      `const whole = fs.readFileSync(TORCH);
      fs.writeFileSync('half.pt', whole.subarray(0, 9000));
      // As many looks as one at a file that is there later needs.
      copy(TORCH, 'other.pt');
      await until(() => stamped('other.pt'));
      if (!fs.readFileSync('half.pt').equals(whole.subarray(0, 9000))) process.exit(4);
      if (fs.existsSync('half.pt.provenance.json')) process.exit(5);
      fs.appendFileSync('half.pt', whole.subarray(9000));
      await until(() => stamped('half.pt'));`,
    );
    expect(report.exitCode).toBe(0);
    expect(fates(dir, report)).toEqual({ 'half.pt': 'stamped', 'other.pt': 'stamped' });
  });

  test('one that stays unfinished is reported and left as it is', async () => {
    const dir = training();
    const report = await train(
      dir,
      `fs.writeFileSync('half.pt', fs.readFileSync(TORCH).subarray(0, 9000));
      fs.writeFileSync('data.bin', 'numbers');`,
    );
    expect(report.exitCode).toBe(0);
    expect(fates(dir, report)).toEqual({ 'half.pt': 'skipped', 'data.bin': 'skipped' });
    expect(readFileSync(join(dir, 'half.pt'))).toEqual(readFileSync(TORCH).subarray(0, 9000));
    expect(existsSync(join(dir, 'half.pt.provenance.json'))).toBe(false);
    expect(existsSync(join(dir, 'data.bin.provenance.json'))).toBe(false);
  });

  test('other formats when the command has ended', async () => {
    const dir = training();
    const sources = [SAFETENSORS, fixture('gguf/model.gguf'), fixture('onnx/inline.onnx')];
    const report = await train(
      dir,
      `${JSON.stringify(sources)}.forEach((from) => copy(from, 'new.' + from.split('.').pop()));
      copy(${JSON.stringify(fixture('torch/legacy.pt'))}, 'legacy.pt');
      copy(TORCH, 'other.pt');
      await until(() => stamped('other.pt'));
      if (!fs.readFileSync('new.safetensors').equals(fs.readFileSync(SAFETENSORS))) process.exit(4);`,
    );
    expect(report.exitCode).toBe(0);
    const names = ['legacy.pt', 'new.gguf', 'new.onnx', 'new.safetensors', 'other.pt'];
    expect(Object.keys(fates(dir, report)).sort()).toEqual(names);
    expect(new Set(Object.values(fates(dir, report)))).toEqual(new Set(['stamped']));
    for (const name of names.filter((one) => one !== 'other.pt')) {
      const { run: told } = await stampOf(dir, name);
      expect(told).toMatchObject({ ended: expect.any(String), changed_during_run: false });
    }
    expect(existsSync(join(dir, 'legacy.pt.provenance.json'))).toBe(true);
  });

  test('a file that is written again is stamped again; one that is renamed is not', async () => {
    const dir = training();
    const report = await train(
      dir,
      `copy(TORCH, 'last.pt');
      await until(() => stamped('last.pt'));
      const first = fs.readFileSync('last.pt');
      fs.renameSync('last.pt', 'best.pt');
      fs.renameSync('old.pt', 'older.pt');
      copy(${JSON.stringify(fixture('torch/state_dict.pt'))}, 'last.pt');
      await until(() => stamped('last.pt'));
      fs.writeFileSync('last.pt', fs.readFileSync(${JSON.stringify(fixture('torch/nested.pt'))}));
      await until(() => stamped('last.pt'));
      if (!fs.readFileSync('best.pt').equals(first)) process.exit(4);`,
    );
    expect(report.exitCode).toBe(0);
    expect(readFileSync(join(dir, 'older.pt')).equals(readFileSync(TORCH))).toBe(true);
    expect((await stampOf(dir, 'last.pt')).content?.file_base.length).toBe(
      statSync(fixture('torch/nested.pt')).size,
    );
    expect((await stampOf(dir, 'best.pt')).content?.file_base.length).toBe(statSync(TORCH).size);
    expect(fates(dir, report)).toEqual({ 'last.pt': 'stamped' });
  });

  test('an old file that is written again, also in the old length', async () => {
    const dir = training();
    const past = new Date('2024-01-01');
    utimesSync(join(dir, 'old.pt'), past, past);
    const report = await train(dir, `fs.writeFileSync('old.pt', fs.readFileSync(TORCH))`);
    expect(fates(dir, report)).toEqual({ 'old.pt': 'stamped' });
  });

  onPosix('links are skipped, files with several names are reported', async () => {
    const dir = training();
    const outside = join(training(), 'old.pt');
    const report = await train(
      dir,
      `fs.symlinkSync(${JSON.stringify(outside)}, 'link.pt');
      fs.symlinkSync(${JSON.stringify(join(outside, '..'))}, 'folder');
      copy(TORCH, 'a.pt');
      fs.linkSync('a.pt', 'b.pt');
      copy(TORCH, 'other.pt');
      await until(() => stamped('other.pt'));`,
    );
    expect(report.exitCode).toBe(0);
    expect(fates(dir, report)).toEqual({
      'a.pt': 'failed',
      'b.pt': 'failed',
      'other.pt': 'stamped',
    });
    expect(report.files).toContainEqual({
      path: join(dir, 'a.pt'),
      result: 'failed',
      error: expect.objectContaining({ code: 'ERR_THETA_PROVENANCE_REFUSED' }),
    });
    for (const path of [outside, join(dir, 'a.pt')])
      expect(readFileSync(path).equals(readFileSync(TORCH))).toBe(true);
  });

  onPosix('files that come and go, and a second name that goes', async () => {
    const dir = training();
    const report = await train(
      dir,
      `copy(TORCH, 'a.pt');
      await until(() => stamped('a.pt'));
      fs.rmSync('a.pt');
      copy(SAFETENSORS, 'b.safetensors');
      copy(TORCH, 'c.pt');
      fs.linkSync('c.pt', 'hidden');
      copy(TORCH, 'd.pt');
      await until(() => stamped('d.pt'));
      fs.rmSync('b.safetensors');
      fs.rmSync('hidden');`,
    );
    expect(report.exitCode).toBe(0);
    expect(fates(dir, report)).toEqual({ 'a.pt': 'stamped', 'c.pt': 'stamped', 'd.pt': 'stamped' });
    expect(existsSync(join(dir, 'a.pt'))).toBe(false);
    expect(await stampOf(dir, 'c.pt')).toMatchObject({ run: { ended: expect.any(String) } });
  });

  test('a signed file is reported, not changed', async () => {
    const dir = training();
    const path = join(dir, 'old.pt');
    const { privateKey } = await keygen({ out: join(dir, 'key') });
    await sign(path, { privateKey });
    const report = await train(
      dir,
      `fs.utimesSync('old.pt', 1, 1); copy(TORCH, 'new.pt'); await until(() => stamped('new.pt'))`,
    );
    expect(fates(dir, report)).toEqual({ 'old.pt': 'failed', 'new.pt': 'stamped' });
    expect(readFileSync(path).equals(readFileSync(TORCH))).toBe(true);
  });

  test('folders that are left out, and patterns', async () => {
    const dir = training();
    const elsewhere = join(training(), 'out');
    mkdirSync(elsewhere);
    for (const name of ['node_modules/a', '.git_theta/a', 'env/lib', 'out/deep'])
      mkdirSync(join(dir, name), { recursive: true });
    write(dir, 'env/pyvenv.cfg', '');
    commit(dir, 'folders');
    const body = `for (const folder of ['node_modules/a', '.git_theta/a', 'env/lib', 'out', 'out/deep', '.'])
      copy(TORCH, folder + '/new.pt');
      copy(TORCH, 'out/model.weights');
      copy(TORCH, ${JSON.stringify(join(elsewhere, 'new.pt'))});
      fs.writeFileSync('out/notes.weights', 'text');`;
    const usual = await train(dir, body);
    expect(Object.keys(fates(dir, usual)).sort()).toEqual([
      'new.pt',
      'out/deep/new.pt',
      'out/new.pt',
    ]);
    const chosen = async (...watch: string[]) => {
      const { files } = await train(dir, body, { watch });
      return files.map(({ path }) => path.replace(`${dir}/`, '')).sort();
    };
    expect(await chosen('out/*.pt')).toEqual(['out/new.pt']);
    expect(await chosen('./*.pt')).toEqual(['new.pt']);
    expect(await chosen('*.weights')).toEqual(['out/model.weights']);
    expect(await chosen('out/')).toEqual(['out/deep/new.pt', 'out/model.weights', 'out/new.pt']);
    expect(await chosen(`${elsewhere}/*.pt`, './new.pt')).toEqual([
      join(elsewhere, 'new.pt'),
      'new.pt',
    ]);
    expect(await chosen(`${dir}/nowhere/*.pt`)).toEqual([]);
  });
});

describe('what the stamp records of the run', () => {
  test('the state at the start is that of the checkpoint; a change is told', async () => {
    const dir = training();
    const { state } = await gitStatus(dir);
    const report = await train(
      dir,
      `const git = (...args) => require('node:child_process').execFileSync('git', args);
      copy(TORCH, 'early.pt');
      await until(() => stamped('early.pt'));
      fs.writeFileSync('train.py', 'print(2)');
      git('commit', '-qam', 'while it runs');
      copy(TORCH, 'late.pt');`,
    );
    expect(report.exitCode).toBe(0);
    expect(report.run.changed_during_run).toBe(true);
    expect((await stampOf(dir, 'early.pt')).run?.changed_during_run).toBe(false);
    const late = await stampOf(dir, 'late.pt');
    const now = (await gitStatus(dir)).state;
    expect(now.commit).not.toBe(state.commit);
    expect(late.git.commit).toBe(state.commit);
    expect(late.run).toMatchObject({
      start_state: { commit: state.commit, code_tree: state.code_tree, code_dirty: false },
      end_state: { commit: now.commit, code_tree: now.code_tree, code_dirty: false },
      changed_during_run: true,
    });
  });

  test('another edit of code that was uncommitted before is a change; a model is none', async () => {
    const dir = training();
    write(dir, 'train.py', 'print(2)\n');
    const model = await train(dir, `fs.writeFileSync('model.ckpt', 'other'); copy(TORCH, 'a.pt')`);
    expect(model.run.changed_during_run).toBe(false);
    const edit = await train(dir, `fs.writeFileSync('train.py', 'print(3)\\n')`);
    expect(edit.run.changed_during_run).toBe(true);
  });

  test('the command, without secrets', async () => {
    const dir = training();
    process.env.TEST_API_KEY = 'value-of-the-environment';
    try {
      const command = script(
        `copy(TORCH, 'new.pt')`,
        '--token',
        'abc',
        'x=value-of-the-environment',
      );
      await run(command, { dir, interval: 20 });
    } finally {
      delete process.env.TEST_API_KEY;
    }
    const { run: told } = await stampOf(dir, 'new.pt');
    expect(told?.command?.slice(-3)).toEqual(['--token', '[redacted]', 'x=[redacted]']);
    expect(readFileSync(join(dir, 'new.pt')).includes('value-of-the')).toBe(false);
  });
});
