/** torch loads stamped files as it loads them without a stamp, with weights_only, too. */
import { closeSync, copyFileSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { inspect } from '../../src';
import { gitStatus } from '../../src/provenance/git';
import type { Run, SixFields, Stamp } from '../../src/provenance/stamp';
import { readStamp, type StampOptions, stamp, verifyStamp } from '../../src/provenance/stamping';
import { newTorchPython, torchPython } from '../support/env';
import { fixtures, Scratch } from '../support/scratch';

/** What torch_same.py tells of two files. */
interface Compared {
  readonly weights_only: readonly [string, string];
  readonly trusted: readonly [string, string];
  readonly different: readonly string[];
  readonly stamp: Stamp | null;
  readonly callback: SixFields | null;
}

const SCRIPT = join(__dirname, '../support/readers/torch_same.py');

const state = { commit: 'c'.repeat(40), code_tree: null, code_dirty: false };
/** All kinds of values that a stamp may hold. */
const RUN: Run = {
  command: ['python', 'train.py', '--name', 'é\u{1f600} "quoted"\n', ''],
  started: '2026-05-31T10:00:00.000Z',
  start_state: state,
  end_state: null,
  changed_during_run: false,
};

/** How the copies are stamped. */
const WAYS: Readonly<Record<string, StampOptions>> = {
  'as by default': {},
  'with the state of pl-git-callback': { lightningCallback: 'always' },
  'with a run': { lightningCallback: 'never', run: RUN },
  'in place': { inPlace: true, lightningCallback: 'always' },
};

const zip = fixtures().filter(({ name, path }) => {
  if (!/^(torch|lightning)/.test(name)) return false;
  const file = openSync(path, 'r');
  const head = Buffer.alloc(4);
  readSync(file, head, 0, 4, 0);
  closeSync(file);
  return head.equals(Buffer.from('PK\x03\x04'));
});

const fixtureNamed = (wanted: string) => zip.find(({ name }) => name === wanted)?.path as string;

/** Names and shapes of the tensors of a file. */
const tensorsOf = async (path: string) => {
  const { tensors } = (await inspect(path)) as {
    readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  };
  return tensors.map(({ name, shape }) => ({ name, shape }));
};

/** Archives that are no plain ones of torch.save: there a stamp has no place. */
const BESIDE = [
  'torch/dcp/__0_0.distcp',
  'torch/export.pt2',
  'torch/package.pt',
  'torch/script.pt',
  'torch/script_frozen.pt',
];
const LOADED_BY_ALL = ['torch/state_dict.pt', 'torch/bf16.pt', 'torch1.13/state_dict.pt'];
/** What torch 2.6 loads with weights_only. */
const LOADED_BY_NEW = [
  ...LOADED_BY_ALL,
  ...['torch1.13/train.pt', 'torch2.15/train.pt', 'torch/nocrc.pt', 'torch/align4096.pt'],
  ...['unstamped', 'weights_only', 'stamped_string_key'].map((name) => `lightning/${name}.ckpt`),
  'lightning/original_callback_lightning_1.7.7.ckpt',
];

const known = torchPython();
const modern = newTorchPython();
const PYTHONS = [
  { name: 'torch 2.6 or newer', python: modern, loaded: LOADED_BY_NEW },
  { name: 'the torch of the test environment', python: known, loaded: LOADED_BY_ALL },
].filter(({ python }, at) => at === 0 || python !== modern);

let scratch: Scratch;
let root: string;

beforeAll(async () => {
  scratch = new Scratch();
  root = await scratch.repo('code');
  await scratch.git('-C', root, 'commit', '--quiet', '--allow-empty', '-m', 'first');
});
afterAll(() => scratch.cleanup());

let copies = 0;
const copyOf = (path: string) => {
  const copy = scratch.path(`${copies++}-${basename(path)}`);
  copyFileSync(path, copy);
  return copy;
};

test('every fixture that is an archive carries its stamp, but for those of another kind', async () => {
  const beside: string[] = [];
  for (const { name, path } of zip) {
    const copy = copyOf(path);
    const { where } = await stamp(copy, { dir: root });
    if (where === 'file') continue;
    beside.push(name);
    expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
  }
  expect(beside).toEqual(BESIDE);
  expect(zip.length).toBeGreaterThan(60);
});

async function compare(python: string, pairs: readonly [string, string][]): Promise<Compared[]> {
  const { stdout } = await scratch.run(python, [SCRIPT], {
    input: JSON.stringify(pairs),
    env: { PYTHONDONTWRITEBYTECODE: '1' },
  });
  return JSON.parse(stdout) as Compared[];
}

describe.each(PYTHONS)('$name', ({ python, loaded }) => {
  const reason = python ? '' : ' (skipped: GIT_THETA_TEST_TORCH names no Python with it)';
  const carriers = zip.filter(({ name: fixture }) => !BESIDE.includes(fixture));

  (python ? test : test.skip).each(Object.entries(WAYS))(`stamped %s${reason}`, async (_, way) => {
    const { six } = await gitStatus(root);
    const pairs: [string, string][] = [];
    const stamps: Stamp[] = [];
    for (const { path } of carriers) {
      const copy = copyOf(path);
      const made = await stamp(copy, { dir: root, ...way });
      expect(made).toMatchObject({ where: 'file', written: true });
      pairs.push([path, copy]);
      stamps.push(made.stamp);
    }
    const compared = await compare(python as string, pairs);
    expect(compared).toHaveLength(carriers.length);
    const safe: string[] = [];
    for (const [at, { weights_only, trusted, different, ...added }] of compared.entries()) {
      const fixture = carriers[at]?.name as string;
      expect([fixture, weights_only[1]]).toEqual([fixture, weights_only[0]]);
      expect([fixture, trusted[1]]).toEqual([fixture, trusted[0]]);
      expect([fixture, different]).toEqual([fixture, []]);
      if (weights_only[0] === 'loads') safe.push(fixture);
      if (trusted[0] !== 'loads') continue;
      const lightning = fixture.startsWith('lightning/');
      expect([fixture, added.stamp]).toEqual([fixture, lightning ? stamps[at] : null]);
      const callback =
        way.lightningCallback === 'always' && lightning && !/weights_only/.test(fixture);
      if (callback) expect([fixture, added.callback]).toEqual([fixture, six]);
    }
    expect(safe).toEqual(expect.arrayContaining(loaded));
  });

  (python ? test : test.skip)(`the comparison sees what differs${reason}`, async () => {
    const path = fixtureNamed('torch/state_dict.pt');
    const copy = scratch.path('other.pt');
    // One bit of a weight; torch does not look at checksums.
    const bytes = readFileSync(path);
    const record = bytes.indexOf('state_dict/data/0') - 30;
    const at = record + 30 + bytes.readUInt16LE(record + 26) + bytes.readUInt16LE(record + 28);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(copy, bytes);
    const [bit, file] = await compare(python as string, [
      [path, copy],
      [path, fixtureNamed('torch/bf16.pt')],
    ]);
    expect(bit?.different).toEqual(expect.arrayContaining([expect.stringContaining('other bits')]));
    expect(file?.different).not.toEqual([]);
  });

  // The key of the stamp is then in the pickle, as it is when the Python callback wrote it.
  (python ? test : test.skip)(
    `a stamp over one that was saved with the file${reason}`,
    async () => {
      const copy = copyOf(fixtureNamed('lightning/unstamped.ckpt'));
      const tensors = await tensorsOf(copy);
      await stamp(copy, { dir: root, lightningCallback: 'always' });
      const saved = scratch.path(`${copies++}-saved.ckpt`);
      const code = `import sys, torch; torch.save(torch.load(sys.argv[1]), sys.argv[2])`;
      await scratch.run(python as string, ['-c', code, copy, saved]);
      expect(await readStamp(saved)).toMatchObject({ where: 'file', stamp: expect.anything() });
      await scratch.git('-C', root, 'commit', '--quiet', '--allow-empty', '-m', 'next');
      const { stamp: made } = await stamp(saved, { dir: root });
      expect(await tensorsOf(saved)).toEqual(tensors);
      expect(await verifyStamp(saved, { dir: root, mode: 'strict' })).toMatchObject({ ok: true });
      const [compared] = await compare(python as string, [
        [fixtureNamed('lightning/unstamped.ckpt'), saved],
      ]);
      expect(compared).toMatchObject({ stamp: made, callback: made.compat?.git_status });
    },
  );
});
