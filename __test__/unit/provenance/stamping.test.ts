/** Stamps in files: written, read, and taken out again. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  type BigIntStats,
  chmodSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decompose, inspect, readTensor } from '../../../src';
import { command as verifyCommand } from '../../../src/cli/commands/provenance/verify';
import { gitStatus } from '../../../src/provenance/git';
import { sign } from '../../../src/provenance/signing';
import {
  gitStatusFromLightningCheckpoint,
  readStamp,
  stamp,
  unstamp,
  verifyStamp,
} from '../../../src/provenance/stamping';
import { commit, run, write } from './git-repositories';
import { call } from './stamped';
import { BESIDE, CARRIERS, copyOf, FIXTURES, fixturesIn, look, withFile } from './stamping-files';

const tensorsOf = async (path: string) =>
  (
    (await inspect(path)) as { tensors: readonly { name: string; shape: readonly number[] }[] }
  ).tensors.filter(({ name }) => !/git_theta_provenance|GitCommitCallback/.test(name));

test.each(CARRIERS)('%s carries a stamp, and is had back', async (fixture) => {
  const { root, file, before } = withFile(fixture);
  chmodSync(file, 0o640);
  utimesSync(file, 1_600_000_000, 1_600_000_123.5);
  const old = statSync(file);
  const tensors = await tensorsOf(file);
  const made = await stamp(file, { dir: root });
  expect(made).toMatchObject({ where: 'file', written: true, because: null });
  const now = statSync(file);
  expect([now.mode, now.mtimeMs]).toEqual([old.mode, old.mtimeMs]);
  expect(readdirSync(dirname(file))).toEqual([basename(file)]);
  expect(await tensorsOf(file)).toEqual(tensors);
  const report = await readStamp(file);
  expect(report).toMatchObject({ where: 'file', problems: [], stamp: made.stamp });
  const { state, six } = await gitStatus(root);
  expect(report.stamp?.git).toEqual(state);
  expect(report.stamp?.compat?.git_status).toEqual(six);
  const verified = await verifyStamp(file, { dir: root, mode: 'strict' });
  expect(verified.results.filter(({ result }) => result === 'failed')).toEqual([]);
  expect(verified).toMatchObject({ ok: true, commit: state.commit });
  expect(verified.results.find(({ check }) => check === 'integrity')?.result).toBe('ok');
  await unstamp(file);
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(statSync(file).mtimeMs).toBe(old.mtimeMs);
});

test.each([...CARRIERS].filter((name) => /\.(pt|ckpt|onnx)$/.test(name)))(
  '%s is a prefix of itself with a stamp',
  async (fixture) => {
    for (const inPlace of [false, true]) {
      const { root, file, before } = withFile(fixture);
      const { ino } = statSync(file);
      await stamp(file, { dir: root, inPlace });
      expect(readFileSync(file).subarray(0, before.length).equals(before)).toBe(true);
      expect(statSync(file).ino === ino).toBe(inPlace);
      await unstamp(file);
      expect(readFileSync(file).equals(before)).toBe(true);
    }
  },
);

test.each(BESIDE)('%s has its stamp beside it', async (fixture) => {
  const { root, file } = withFile(fixture);
  const old = look(file);
  const made = await stamp(file, { dir: root });
  expect(made).toMatchObject({ where: 'sidecar', written: true });
  expect(made.because).toEqual(expect.any(String));
  expect(look(file)).toEqual(old);
  expect(await readStamp(file)).toMatchObject({ where: 'sidecar', stamp: made.stamp });
  expect(await readStamp(`${file}.provenance.json`)).toMatchObject({ stamp: made.stamp });
  expect(await verifyStamp(file, { dir: root, mode: 'strict' })).toMatchObject({ ok: true });
  expect(await unstamp(file)).toMatchObject({ where: 'sidecar' });
  expect(readdirSync(dirname(file))).toEqual([basename(file)]);
  await expect(unstamp(file)).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_NO_STAMP' });
});

test('beside a file that could carry it, when asked', async () => {
  const { root, file } = withFile('torch/state_dict.pt');
  const old = look(file);
  expect(await stamp(file, { dir: root, sidecar: true })).toMatchObject({
    where: 'sidecar',
    because: null,
  });
  expect(look(file)).toEqual(old);
  writeFileSync(file, readFileSync(join(FIXTURES, 'torch/bf16.pt')));
  await expect(unstamp(file)).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_CONTENT' });
  expect(existsSync(`${file}.provenance.json`)).toBe(true);
});

test.each(CARRIERS)('%s is not written again when only time has passed', async (fixture) => {
  const { root, file } = withFile(fixture);
  const first = await stamp(file, { dir: root });
  const old = look(file);
  const again = await stamp(file, { dir: root });
  expect(again).toEqual({ ...first, written: false });
  expect(look(file)).toEqual(old);
  write(root, 'train.py', 'print(2)\n');
  commit(root, 'second');
  const other = await stamp(file, { dir: root });
  expect(other).toMatchObject({ written: true });
  // The new stamp is in the place of the old one.
  expect(Math.abs(statSync(file).size - (old as { size: number }).size)).toBeLessThan(4096);
  expect(other.stamp.content).toEqual(first.stamp.content);
});

test('the new file is known before it is there', async () => {
  const { root, file, before } = withFile('safetensors/bf16.safetensors');
  const placed: BigIntStats[] = [];
  const onPlace = (stats: BigIntStats) => {
    expect(readFileSync(file).equals(before)).toBe(true);
    placed.push(stats);
  };
  await stamp(file, { dir: root, onPlace });
  const { ino, size, mtimeNs } = statSync(file, { bigint: true });
  expect(placed).toMatchObject([{ ino, size, mtimeNs }]);
  await stamp(file, { dir: root, onPlace });
  expect(placed).toHaveLength(1);
});

test('a dry run tells and writes nothing', async () => {
  const { root, file } = withFile('torch/state_dict.pt');
  const old = look(file);
  const told = await stamp(file, { dir: root, dryRun: true });
  expect(told).toMatchObject({ written: false, where: 'file' });
  expect(look(file)).toEqual(old);
  await stamp(file, { dir: root });
  const stamped = look(file);
  await unstamp(file, { dryRun: true });
  expect(look(file)).toEqual(stamped);
});

describe('what others rely on is refused, unless forced', () => {
  test.each<[string, (file: string) => string]>([
    [
      'is a symbolic link',
      (file) => {
        const link = join(dirname(file), 'link.pt');
        symlinkSync(basename(file), link);
        return link;
      },
    ],
    [
      'has 2 names',
      (file) => {
        linkSync(file, join(dirname(file), 'other.pt'));
        return file;
      },
    ],
    [
      'is read-only',
      (file) => {
        chmodSync(file, 0o444);
        return file;
      },
    ],
  ])('%s', async (message, prepare) => {
    const { root, file, before } = withFile('torch/state_dict.pt');
    const path = prepare(file);
    const old = look(file);
    await expect(stamp(path, { dir: root })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
      message: expect.stringContaining(message),
    });
    expect(look(file)).toEqual(old);
    expect((await stamp(path, { dir: root, sidecar: true })).where).toBe('sidecar');
    await stamp(path, { dir: root, force: true });
    expect((await readStamp(path)).where).toBe('file');
    await unstamp(path, { force: true });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('signed', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    await sign(file, { privateKey: write(root, 'key.pem', pem) });
    const old = look(file);
    await expect(stamp(file, { dir: root })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
      message: expect.stringContaining('is signed by'),
    });
    expect(look(file)).toEqual(old);
    await stamp(file, { dir: root, force: true });
    expect((await readStamp(file)).where).toBe('file');
  });

  test('a folder, nothing, and no repository', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await expect(stamp(root, { dir: root })).rejects.toMatchObject({
      code: expect.stringMatching(/PROVENANCE_(UNSUPPORTED|IO)/),
    });
    await expect(stamp(join(root, 'no.pt'), { dir: root })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_IO',
    });
    const old = look(file);
    await expect(stamp(file, { dir: FIXTURES.slice(0, 1) })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_NO_GIT',
    });
    expect(look(file)).toEqual(old);
    // git is asked while the file is looked at; what it says is told, whichever fails first.
    await expect(stamp(join(root, 'no.pt'), { dir: FIXTURES.slice(0, 1) })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_NO_GIT',
    });
  });

  test('a run that was cancelled', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    const old = look(file);
    const signal = AbortSignal.abort();
    await expect(stamp(file, { dir: root, signal })).rejects.toMatchObject({
      code: 'ERR_THETA_CANCELLED',
    });
    const later = new AbortController();
    const call = stamp(file, { dir: root, signal: later.signal });
    setImmediate(() => later.abort());
    await expect(call).rejects.toBeDefined();
    expect(look(file)).toEqual(old);
    expect(readdirSync(dirname(file))).toEqual([basename(file)]);
  });
});

describe('the six fields', () => {
  /** Of the fixtures that make_fixtures.py wrote. */
  const MADE = {
    empty: false,
    dirty: false,
    num_untracked_files: 0,
    commit_hash: '0123456789abcdef0123456789abcdef01234567',
    commit_date: 1627294576,
    branch_name: 'main',
  };
  const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'));

  test.each(fixturesIn('lightning').filter((name) => /stamped_|original/.test(name)))(
    '%s has them',
    async (fixture) => {
      const six = expected[fixture].git_status ?? MADE;
      const report = await readStamp(join(FIXTURES, fixture));
      expect(report.six).toEqual(six);
      expect(Object.keys(report.six ?? {}).sort()).toEqual(Object.keys(six).sort());
      expect(await gitStatusFromLightningCheckpoint(join(FIXTURES, fixture))).toEqual(six);
    },
  );

  test('the log file has them', async () => {
    const path = join(FIXTURES, 'lightning/git_info.json');
    expect((await readStamp(path)).six).toEqual(JSON.parse(readFileSync(path, 'utf8')));
  });

  test.each(['lightning/unstamped.ckpt', 'lightning/weights_only.ckpt', 'torch/state_dict.pt'])(
    '%s has none',
    async (fixture) => {
      const { file } = withFile(fixture);
      expect(await readStamp(file)).toMatchObject({ six: null, stamp: null, foreign: [] });
      expect(await gitStatusFromLightningCheckpoint(file)).toBeNull();
      await expect(verifyStamp(file)).rejects.toMatchObject({
        code: 'ERR_THETA_PROVENANCE_NO_STAMP',
      });
    },
  );

  test('are written when asked or there, and never into a file without callbacks', async () => {
    for (const [fixture, mode, has] of [
      ['lightning/unstamped.ckpt', 'auto', false],
      ['lightning/unstamped.ckpt', 'always', true],
      ['lightning/stamped_string_key.ckpt', 'auto', true],
      ['lightning/stamped_class_key.ckpt', 'auto', true],
      ['lightning/weights_only.ckpt', 'always', false],
      ['torch/state_dict.pt', 'always', false],
    ] as const) {
      const { root, file, before } = withFile(fixture);
      await stamp(file, { dir: root, lightningCallback: mode });
      const six = await gitStatusFromLightningCheckpoint(file);
      expect([fixture, mode, six]).toEqual([
        fixture,
        mode,
        has ? (await gitStatus(root)).six : null,
      ]);
      expect(await stamp(file, { dir: root, lightningCallback: mode })).toMatchObject({
        written: false,
      });
      await unstamp(file);
      expect(readFileSync(file).equals(before)).toBe(true);
    }
  });
});

describe('content', () => {
  test('the same weights have the same hash in every format', async () => {
    const { root, file } = withFile('lightning/unstamped.ckpt');
    const hash = async (path: string) =>
      (await stamp(path, { dir: root, dryRun: true })).stamp.content;
    const prefix = 'state_dict/';
    const store = join(root, 'run/objects');
    const manifest = await decompose(file, { store });
    const header: Record<string, object> = {};
    const data: Buffer[] = [];
    let at = 0;
    for (const { name, shape } of await tensorsOf(file)) {
      if (!name.startsWith(prefix)) continue;
      const bytes = Buffer.from((await readTensor(manifest, name, store)).data);
      const end = at + bytes.length;
      header[name.slice(prefix.length)] = { dtype: 'F32', shape, data_offsets: [at, end] };
      data.push(bytes);
      at = end;
    }
    expect(data.length).toBeGreaterThan(1);
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const other = write(root, 'run/same.safetensors', Buffer.concat([length, text, ...data]));
    const [lightning, flat] = [await hash(file), await hash(other)];
    expect(lightning?.tensor_root?.value).toMatch(/^[0-9a-f]{64}$/);
    expect(flat?.tensor_root).toEqual(lightning?.tensor_root);
    // The optimizer's tensors are no part of the model.
    expect(lightning?.tensor_root_all).toMatch(/^[0-9a-f]{64}$/);
    expect(flat?.tensor_root_all).toBeUndefined();
    const autov3 = createHash('sha256').update(Buffer.concat(data)).digest('hex');
    expect(flat?.aliases).toEqual({ autov3, sshs_model_hash: autov3 });
    expect(await hash(copyOf(root, 'torch/bf16.pt'))).not.toMatchObject({
      tensor_root: lightning?.tensor_root,
    });
  });

  test('one bit', async () => {
    const { root, file, before } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root });
    const bytes = readFileSync(file);
    // The first byte of the storage `0`, by its local header.
    const name = before.indexOf('/data/0');
    const entry = before.lastIndexOf('PK\x03\x04', name);
    const data = entry + 30 + before.readUInt16LE(entry + 26) + before.readUInt16LE(entry + 28);
    bytes.writeUInt8(bytes.readUInt8(data) ^ 1, data);
    writeFileSync(file, bytes);
    const report = await verifyStamp(file, { dir: root });
    expect(report.ok).toBe(false);
    expect(report.results.filter(({ result }) => result === 'failed').map((r) => r.check)).toEqual([
      'content',
      'integrity',
    ]);
    const old = look(file);
    await expect(unstamp(file)).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_CONTENT' });
    expect(look(file)).toEqual(old);
  });

  test('a stamp of another file', async () => {
    const { root, file } = withFile('torch/legacy.pt');
    const other = copyOf(root, 'torch/legacy_module.pt');
    await stamp(file, { dir: root });
    writeFileSync(`${other}.provenance.json`, readFileSync(`${file}.provenance.json`));
    const report = await verifyStamp(other, { dir: root });
    expect(report.ok).toBe(false);
    expect(report.results.find(({ check }) => check === 'integrity')?.result).toBe('failed');
  });
});

describe('verify', () => {
  test('what the command says of other code', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root });
    const heading = async (mode: 'strict' | 'relaxed') => {
      const { code, out } = await call(verifyCommand, [file], { dir: root, mode });
      return [
        code,
        out.split('\n')[0]?.slice(file.length),
        / {2}changes +failed .*/.exec(out)?.[0],
      ];
    };
    expect(await heading('strict')).toEqual([0, ': verified', undefined]);
    write(root, 'train.py', 'print(2)\n');
    const changes = '  changes    failed  the code here has uncommitted changes in a file';
    expect(await heading('relaxed')).toEqual([0, ': verified, but for the code', changes]);
    expect(await heading('strict')).toEqual([1, ': NOT verified', changes]);
  });

  test('other code: an error when strict, a report when relaxed', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root });
    write(root, 'train.py', 'print(2)\n');
    commit(root, 'second');
    const failed = async (match: 'code' | 'commit' | 'tree' | 'ancestor' | 'reachable') => {
      const { ok, results } = await verifyStamp(file, { dir: root, mode: 'strict', match });
      expect(ok).toBe(!results.some(({ result }) => result === 'failed'));
      return !ok;
    };
    expect(await failed('code')).toBe(true);
    expect(await failed('commit')).toBe(true);
    expect(await failed('tree')).toBe(true);
    expect(await failed('ancestor')).toBe(false);
    expect(await failed('reachable')).toBe(false);
    expect(await verifyStamp(file, { dir: root, match: 'code' })).toMatchObject({ ok: true });
  });

  test('a commit that changes models only is no other code', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root });
    write(root, 'model.ckpt', 'other weights');
    write(root, '.git_theta/model.ckpt/data', 'other');
    commit(root, 'a new model');
    const strict = (match: 'code' | 'tree') =>
      verifyStamp(file, { dir: root, mode: 'strict', match });
    expect(await strict('code')).toMatchObject({ ok: true });
    expect(await strict('tree')).toMatchObject({ ok: false });
  });

  test('paths', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    run(root, 'config', '--add', 'theta.provenance.codePath', 'lib');
    await stamp(file, { dir: root });
    const strict = () => verifyStamp(file, { dir: root, mode: 'strict', match: 'paths' });
    write(root, 'train.py', 'print(2)\n');
    commit(root, 'outside');
    expect(await strict()).toMatchObject({ ok: true });
    write(root, 'lib/a.py', 'a = 2\n');
    commit(root, 'inside');
    expect(await strict()).toMatchObject({ ok: false });
  });

  test('uncommitted code, at training and now', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    write(root, 'train.py', 'print(2)\n');
    await stamp(file, { dir: root });
    const { results } = await verifyStamp(file, { dir: root, mode: 'strict' });
    expect(results.filter(({ result }) => result === 'failed').map((r) => r.check)).toEqual([
      'changes',
      'training',
    ]);
  });

  test('a commit that is not here, and one that is none', async () => {
    const { root, file } = withFile('torch/legacy.pt');
    await stamp(file, { dir: root });
    const beside = `${file}.provenance.json`;
    const body = JSON.parse(readFileSync(beside, 'utf8'));
    for (const commit of ['0123456789012345678901234567890123456789', '--output=x', 7, null]) {
      writeFileSync(beside, JSON.stringify({ ...body, git: { ...body.git, commit } }));
      for (const match of ['commit', 'ancestor', 'reachable'] as const) {
        const report = await verifyStamp(file, { dir: root, mode: 'strict', match });
        expect(report.ok).toBe(false);
        expect(report.results[0]).toMatchObject({ check: 'code', result: 'failed' });
      }
    }
    expect(existsSync(join(root, 'x'))).toBe(false);
    await expect(verifyStamp(file, { dir: root, match: 'none' as 'code' })).rejects.toMatchObject({
      code: 'ERR_THETA_USAGE',
    });
  });

  test('six fields alone: content is not recorded', async () => {
    const { root, file } = withFile('lightning/original_callback_lightning_1.6.5.ckpt');
    const { ok, results } = await verifyStamp(file, { dir: root });
    expect(ok).toBe(true);
    expect(results).toContainEqual({
      check: 'content',
      result: 'unknown',
      message: 'content: not recorded',
    });
  });
});

describe('stamps that nobody of us wrote', () => {
  const beside = (file: string, text: string) => writeFileSync(`${file}.provenance.json`, text);

  test('a newer schema is refused, others are a problem', async () => {
    const { file } = withFile('torch/legacy.pt');
    beside(file, '{"schema":"git-theta/provenance/2","git":{}}');
    await expect(readStamp(file)).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_UNSUPPORTED',
    });
    for (const text of [
      '',
      '[]',
      'null',
      '{"schema":"x"}',
      '{"schema":"git-theta/provenance/1"}',
    ]) {
      beside(file, text);
      expect(await readStamp(file)).toMatchObject({ stamp: null, problems: [expect.any(String)] });
    }
  });

  test('values of any type', async () => {
    const { root, file } = withFile('torch/legacy.pt');
    await stamp(file, { dir: root });
    const body = JSON.parse(readFileSync(`${file}.provenance.json`, 'utf8'));
    for (const odd of [0, 'x', [], { a: 1 }, null, true]) {
      for (const key of Object.keys(body).filter((name) => name !== 'schema' && name !== 'git')) {
        beside(file, JSON.stringify({ ...body, [key]: odd }));
        await readStamp(file);
        await verifyStamp(file, { dir: root });
      }
      for (const key of Object.keys(body.git)) {
        beside(file, JSON.stringify({ ...body, git: { ...body.git, [key]: odd } }));
        await verifyStamp(file, { dir: root });
      }
    }
  });

  test('a file that is too large for a stamp', async () => {
    const { file } = withFile('torch/legacy.pt');
    beside(file, ' '.repeat((1 << 20) + 1));
    await expect(readStamp(file)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_THETA_PROVENANCE/),
    });
  });
});
