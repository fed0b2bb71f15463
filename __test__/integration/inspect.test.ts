// What is shown of checkpoints: files, commits, the index; to people, and to programs.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { inspect } from '../../src/index';
import { FIXTURES, type Result, Scratch } from '../support/scratch';
import { ModelRepository, model, safetensors } from './road-model';

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.cleanup());

const theta = (...args: string[]): Promise<Result> =>
  scratch.run('git', ['theta', ...args], { cwd: scratch.dir, check: false });

test('a training checkpoint, for programs', async () => {
  const path = `${FIXTURES}/torch/train_loop.pt`;
  const { stdout } = await theta('inspect', '--json', path);
  const document = JSON.parse(stdout);
  expect(Object.keys(document)).toEqual([
    'schema',
    'bytesRead',
    'format',
    'globals',
    'objects',
    'parameters',
    'path',
    'size',
    'tensors',
    'weightsOnly',
    'writer',
  ]);
  expect(document).toMatchObject({
    schema: 1,
    format: 'torch-zip',
    writer: 'torch.save, since 2.7',
    objects: { epoch: 3, args: { '(class)': 'argparse.Namespace', lr: 0.001 }, name: 'run-1' },
    weightsOnly: { loads: false, rules: 'torch 2.15' },
  });
  expect(document.weightsOnly.because[0]).toMatch(
    /^argparse\.Namespace is not an allowed global \(at byte \d+\)$/,
  );
  expect(document.globals).toContain('argparse.Namespace');
  const bias = document.tensors.find(({ name }: { name: string }) => name === 'model/bias');
  expect(bias).toEqual({ name: 'model/bias', dtype: 'float32', shape: [3], bytes: 12 });
  const { schema: _, path: __, ...fields } = document;
  expect(fields).toEqual(await inspect(path));
});

test('a folder is one model, and what is wrong with it is said', async () => {
  cpSync(`${FIXTURES}/safetensors/sharded`, `${scratch.dir}/llama`, { recursive: true });
  const whole = await theta('inspect', '--json', 'llama');
  expect(whole.code).toBe(0);
  const document = JSON.parse(whole.stdout);
  expect(document).toMatchObject({ schema: 1, format: 'safetensors-shards', problems: [] });
  expect(document.files.map(({ path }: { path: string }) => path)).toEqual([
    'model.safetensors.index.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  ]);
  const byIndex = await theta('inspect', '--json', 'llama/model.safetensors.index.json');
  expect(JSON.parse(byIndex.stdout).tensors).toEqual(document.tensors);

  rmSync(`${scratch.dir}/llama/model-00002-of-00002.safetensors`);
  const { code, stdout, stderr } = await theta('inspect', 'llama');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^ {2}model-00001-of-00002\.safetensors +safetensors +5 tensors/m);
  expect(stderr).toMatch(/^warning: .*model-00002-of-00002\.safetensors/m);

  mkdirSync(`${scratch.dir}/empty`);
  expect((await theta('inspect', 'empty')).stderr).toMatch(/^error: .*no checkpoint is in this/m);
});

test('a training checkpoint, for people', async () => {
  const path = `${FIXTURES}/torch/train_loop.pt`;
  const { stdout } = await theta('inspect', '--tree', '--tensors', 'model/*', path);
  expect(stdout).toMatch(/^ {2}format +torch-zip$/m);
  expect(stdout).toMatch(/^ {2}tensors +2 of that name$/m);
  expect(stdout).toMatch(/^ {2}model\/bias +float32 +\[3\] +12 bytes$/m);
  expect(stdout).toMatch(/^torch\.load\(weights_only=True\) refuses it, by the rules of torch 2/m);
  expect(stdout).toMatch(/^ {2}argparse\.Namespace$/m);
  expect(stdout).toMatch(/^ {2}epoch: 3$/m);
  expect(stdout).toMatch(/^ {4}lr: 0\.001$/m);
  expect(stdout).not.toContain('exp_avg:12');
});

test('nothing in a file reaches the terminal as more than text', async () => {
  const name = 'w\u001b[31m\u202e\r\n';
  const header = JSON.stringify({
    __metadata__: { [name]: name },
    [name]: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  const path = scratch.path('m');
  writeFileSync(path, Buffer.concat([length, Buffer.from(`${header}x`)]));
  for (const args of [['--tree'], ['--json'], ['--hash']]) {
    const { stdout, stderr } = await theta('inspect', ...args, path);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(stdout).toContain('[31m');
  }
  expect((await inspect(path)).tensors[0]?.name).toBe(name);
});

test('a commit, the index and the work tree have the same hashes', async () => {
  const repo = await ModelRepository.create(scratch);
  await repo.theta('track', 'm.safetensors');
  const first = model(3, 100);
  await repo.commit('m.safetensors', first);
  await repo.commit('m.safetensors', { ...first, ...model(1, 50) });
  const document = async (...args: string[]) =>
    JSON.parse((await repo.theta('inspect', '--json', ...args)).stdout);
  const file = await document('--hash', 'm.safetensors');
  const { bytesRead, path: _, ...rest } = file;
  expect(bytesRead).toBeGreaterThan(rest.size);
  for (const rev of ['HEAD', '']) {
    expect(await document(`${rev}:m.safetensors`)).toEqual({
      ...rest,
      path: `${rev}:m.safetensors`,
    });
  }
  const before = await document('HEAD~1:m.safetensors');
  const names = before.tensors.map(({ name }: { name: string }) => name);
  expect(names).toEqual(Object.keys(first));
  expect(before.tensors[0].hash).not.toBe(rest.tensors[0].hash);
  expect(before.tensors[1]).toEqual(rest.tensors[1]);
  // Relative to a folder, as git has it.
  mkdirSync(repo.path('sub'));
  const relative = await scratch.run('git', ['theta', 'inspect', 'HEAD:../m.safetensors'], {
    cwd: repo.path('sub'),
  });
  expect(relative.stdout).toContain('safetensors');
  // A file of that very name goes first.
  repo.write('HEAD:m.safetensors', safetensors(model(1, 7)));
  expect((await document('HEAD:m.safetensors')).tensors).toHaveLength(1);
});

test('hashes are those of the manifest, of every form of tensor', async () => {
  const repo = await ModelRepository.create(scratch);
  await repo.theta('track', '*.pt');
  for (const name of ['views', 'train_loop', 'sparse_csr']) {
    repo.write('m.pt', readFileSync(`${FIXTURES}/torch/${name}.pt`));
    await repo.theta('add', 'm.pt');
    const document = async (...args: string[]) =>
      JSON.parse((await repo.theta('inspect', '--json', ...args)).stdout);
    const { bytesRead: _, path: __, ...file } = await document('--hash', 'm.pt');
    expect(await document(':m.pt')).toEqual({ ...file, path: ':m.pt' });
  }
});

test('a manifest in the work tree, and one whose objects are not here', async () => {
  const repo = await ModelRepository.create(scratch);
  await repo.theta('track', 'm.pt');
  repo.write('m.pt', readFileSync(`${FIXTURES}/torch2.15/train.pt`));
  await repo.theta('add', 'm.pt');
  await repo.git('commit', '--quiet', '-m', 'a version');
  const { stdout: manifest } = await repo.git('show', 'HEAD:m.pt');
  repo.write('m.pt', manifest);
  const counted = async () =>
    JSON.parse((await repo.theta('inspect', '--json', 'HEAD:m.pt')).stdout).parameters;
  const parameters = await counted();
  const left = await repo.theta('inspect', 'm.pt', '--tree');
  expect(left.stderr).toBe("note: 'm.pt' is a manifest: the checkpoint itself is not here\n");
  expect(left.stdout).toMatch(/^ {2}epoch: 1$/m);
  for (const oid of repo.objects()) repo.lose(oid);
  const lost = await repo.theta('inspect', 'HEAD:m.pt');
  expect(lost.stderr).toContain('`git theta fetch` brings the skeleton');
  expect(lost.stdout).toContain('optimizer/state/0/exp_avg');
  expect(lost.stdout).not.toContain('weights_only');
  expect(await counted()).toBe(parameters);
});

test('a manifest of a file that is kept whole', async () => {
  const repo = await ModelRepository.create(scratch);
  await repo.theta('track', 'm.bin');
  repo.write('m.bin', Buffer.alloc(5000, 'text'));
  await repo.theta('add', 'm.bin');
  const { stdout, stderr } = await repo.theta('inspect', '--json', ':m.bin');
  expect([JSON.parse(stdout), stderr]).toEqual([
    {
      schema: 1,
      format: 'opaque',
      parameters: 0,
      path: ':m.bin',
      reason: 'no known checkpoint format',
      size: 5000,
      tensors: [],
    },
    '',
  ]);
});

test('files that git has as they are', async () => {
  const repo = await ModelRepository.create(scratch);
  const plain = safetensors(model(2, 10));
  repo.write('plain.safetensors', plain);
  await repo.git('add', 'plain.safetensors');
  await repo.git('commit', '--quiet', '-m', 'plain');
  const { stdout } = await repo.theta('inspect', '--json', 'HEAD:plain.safetensors');
  expect(JSON.parse(stdout)).toMatchObject({ format: 'safetensors', size: plain.length });
});

test('what is neither file nor commit', async () => {
  const repo = await ModelRepository.create(scratch);
  repo.write('sub/a.txt', 'text');
  await repo.git('add', '.');
  await repo.git('commit', '--quiet', '-m', 'text');
  for (const [spec, message] of [
    ['nothing', "error: there is no file 'nothing'"],
    ['HEAD:nothing', "error: there is no 'nothing' in 'HEAD'"],
    [':nothing', "error: there is no 'nothing' in the index"],
    ['C:\\m.pt', "error: there is no file 'C:\\m.pt', and 'C' is no commit that is here"],
    ['--output=x:m', 'error: '],
    ['HEAD:sub', "error: 'HEAD:sub' is a folder, not a checkpoint"],
    ['sub', 'no checkpoint is in this folder'],
  ] as const) {
    const args = spec.startsWith('-') ? ['--', spec] : [spec];
    const { code, stdout, stderr } = await repo.try('theta', 'inspect', ...args);
    expect([code, stdout, stderr]).toEqual([128, '', expect.stringContaining(message)]);
  }
  await expect(inspect(repo.path('nothing'))).rejects.toMatchObject({
    code: 'ERR_THETA_NOT_FOUND',
  });
});

test('an aborted signal stops the hashing', async () => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  const path = `${FIXTURES}/torch/views.pt`;
  await expect(inspect(path, { hash: true, signal })).rejects.toBe(reason);
});
