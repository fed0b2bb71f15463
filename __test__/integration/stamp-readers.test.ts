/** The libraries of safetensors, ONNX and GGUF read stamped files as they read them without a stamp. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type StampResult, stamp } from '../../src/provenance/stamping';
import { python, pythonWith } from '../support/env';
import { FIXTURES, fixtures, Scratch } from '../support/scratch';

let scratch: Scratch;
let root: string;

beforeAll(async () => {
  scratch = new Scratch();
  root = await scratch.repo('code');
  await scratch.git('-C', root, 'commit', '--quiet', '--allow-empty', '-m', 'first');
});
afterAll(() => scratch.cleanup());

/** What a library reads of a fixture, and of its copy with a stamp. */
async function readBoth<T>(
  interpreter: string | undefined,
  script: string,
  name: string,
): Promise<{ before: T; after: T; made: StampResult }> {
  const copy = scratch.path(name);
  mkdirSync(dirname(copy), { recursive: true });
  for (const end of ['', '.data'])
    if (existsSync(join(FIXTURES, name + end)))
      copyFileSync(join(FIXTURES, name + end), copy + end);
  // A stamp in the place of another one has been through both.
  await stamp(copy, { dir: root });
  await scratch.git('-C', root, 'commit', '--quiet', '--allow-empty', '-m', name);
  const made = await stamp(copy, { dir: root });
  expect(made).toMatchObject({ where: 'file', written: true });
  const path = join(__dirname, '../support/readers', script);
  const { stdout } = await scratch.run(interpreter as string, [path, join(FIXTURES, name), copy], {
    env: { PYTHONDONTWRITEBYTECODE: '1' },
  });
  const [before, after] = JSON.parse(stdout) as [T, T];
  return { before, after, made };
}

const named = (pattern: RegExp) =>
  fixtures()
    .map(({ name }) => name)
    .filter((name) => pattern.test(name));

/** The text of a title of tests that need a library. */
const titled = (library: string, found: string | undefined) =>
  found
    ? `%s, by ${library}`
    : `%s, by ${library} (skipped: set GIT_THETA_TEST_READERS to a Python that imports it)`;

/** The entries that a stamp adds. */
const entries = ({ stamp: said }: StampResult) => ({
  'git_theta.provenance': said,
  'git_theta.commit': said.git.commit,
});
const parsed = (found: Record<string, string | undefined>) => ({
  'git_theta.provenance': JSON.parse(found['git_theta.provenance'] as string),
  'git_theta.commit': found['git_theta.commit'],
});

// Beside the one with `"__metadata__": null` the stamp is in a file of its own.
test.each(named(/\.safetensors$/).filter((name) => !name.includes('null_metadata')))(
  '%s, by safetensors',
  async (name) => {
    interface Read {
      readonly metadata: Record<string, string> | null;
      readonly keys: readonly string[];
      readonly tensors: object;
    }
    const { before, after, made } = await readBoth<Read>(python(), 'stamped_safetensors.py', name);
    const { metadata, ...rest } = after;
    const added = Object.entries(metadata ?? {}).filter(([key]) => key.startsWith('git_theta.'));
    expect(parsed(Object.fromEntries(added))).toEqual(entries(made));
    expect(metadata).toEqual({ ...before.metadata, ...Object.fromEntries(added) });
    expect(rest).toEqual({ keys: before.keys, tensors: before.tensors });
  },
);

const onnx = pythonWith('onnx');

(onnx ? test : test.skip).each(named(/\.onnx$/))(titled('onnx', onnx), async (name) => {
  interface Read {
    readonly metadata: readonly [string, string][];
    readonly rest: string;
  }
  const { before, after, made } = await readBoth<Read>(onnx, 'stamped_onnx.py', name);
  expect(after.rest).toBe(before.rest);
  const { length } = before.metadata;
  expect(after.metadata.slice(0, length)).toEqual(before.metadata);
  const added = after.metadata.slice(length);
  expect(added.map(([key]) => key).sort()).toEqual(['git_theta.commit', 'git_theta.provenance']);
  expect(parsed(Object.fromEntries(added))).toEqual(entries(made));
});

const gguf = pythonWith('gguf');

(gguf ? test : test.skip).each(named(/\.gguf$/))(titled('gguf', gguf), async (name) => {
  interface Read {
    readonly metadata: Record<string, unknown>;
    readonly strings: Record<string, string>;
    readonly tensors: readonly unknown[];
    readonly alignment: number;
  }
  const { before, after, made } = await readBoth<Read>(gguf, 'stamped_gguf.py', name);
  expect(parsed(after.strings)).toEqual(entries(made));
  const { 'git_theta.provenance': _, 'git_theta.commit': __, ...metadata } = after.metadata;
  expect(metadata).toEqual(before.metadata);
  expect(before.tensors.length).toBeGreaterThan(0);
  expect([after.tensors, after.alignment]).toEqual([before.tensors, before.alignment]);
});
