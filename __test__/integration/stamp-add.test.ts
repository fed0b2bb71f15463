/** A stamp in a tracked checkpoint costs git the stamp: tensors are not stored again. */
import { readFileSync } from 'node:fs';
import { FIXTURES } from '../support/scratch';
import { settled, settledInClone } from './life-world';
import { ModelRepository } from './road-model';

let repo: ModelRepository;
beforeEach(async () => {
  repo = await ModelRepository.create();
});
afterEach(() => repo.scratch.cleanup());

/** Objects behind the pointers that the index has below a path of the store. */
async function stored(file: string): Promise<{ file: Set<string>; stamp: Set<string> }> {
  const found = { file: new Set<string>(), stamp: new Set<string>() };
  const { stdout } = await repo.git('ls-files', '-z', '--', `.git_theta/${file}/`);
  for (const path of stdout.split('\0').filter((name) => /\/(c[.\d]*|zarr\.json)$/.test(name))) {
    const pointer = (await repo.git('show', `:${path}`)).stdout;
    const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(pointer)?.[1];
    if (oid) found[path.includes('/.stamped/') ? 'stamp' : 'file'].add(oid);
  }
  return found;
}

test.each([
  ['torch/state_dict.pt', 'auto'],
  ['torch2.15/train.pt', 'auto'],
  ['torch/rezipped_deflated.pt', 'auto'],
  ['lightning/unstamped.ckpt', 'always'],
  ['lightning/stamped_class_key.ckpt', 'auto'],
  ['safetensors/bf16.safetensors', 'auto'],
  ['onnx/inline.onnx', 'auto'],
  ['gguf/model.gguf', 'auto'],
])('%s, stamped (%s), shares all but the stamp with itself', async (name, callback) => {
  const file = `model.${name.split('.').at(-1)}`;
  const versions: Buffer[] = [readFileSync(`${FIXTURES}/${name}`)];
  await repo.theta('track', file);
  await repo.commit(file, versions[0] as Buffer);
  const first = await stored(file);
  expect(first.file.size).toBeGreaterThan(0);
  expect(first.stamp.size).toBe(0);

  // A stamp, and another one in its place.
  for (const message of ['stamped', 'stamped again']) {
    await repo.git('commit', '--quiet', '--allow-empty', '-m', `code before: ${message}`);
    const before = new Set(repo.objects());
    await repo.theta('provenance', 'stamp', '--lightning-callback', callback, file);
    versions.push(repo.read(file));
    expect(versions.at(-1)?.equals(versions.at(-2) as Buffer)).toBe(false);
    await repo.theta('add', file);
    expect((await repo.changes('--cached')).filter((path) => !path.includes('/.stamped/'))).toEqual(
      [file],
    );
    const now = await stored(file);
    expect(now.file).toEqual(first.file);
    // What is new is the skeleton with the stamp: a chunk, and its zarr.json.
    const added = repo.objects().filter((oid) => !before.has(oid));
    expect(new Set(added)).toEqual(now.stamp);
    expect(added).toHaveLength(2);
    await repo.git('commit', '--quiet', '-m', message);
    await repo.sound();
  }

  // The stamp taken out is the first version: nothing is stored.
  const before = repo.objects();
  await repo.theta('provenance', 'unstamp', file);
  expect(repo.read(file).equals(versions[0] as Buffer)).toBe(true);
  await repo.theta('add', file);
  expect(repo.objects()).toEqual(before);
  await repo.git('commit', '--quiet', '-m', 'unstamped');
  versions.push(repo.read(file));

  // main: first, code, stamped, code, stamped again, unstamped.
  for (const [back, version] of [5, 3, 1, 0].map((n, at) => [n, versions[at] as Buffer] as const)) {
    await repo.git('checkout', '--quiet', `main~${back}`);
    await settled(repo, { [file]: version });
  }
  await repo.git('checkout', '--quiet', 'main~3');
  await settledInClone(repo, { [file]: versions[1] as Buffer }, 'clone');
});
