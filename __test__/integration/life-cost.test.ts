// What a change costs, and the main flow on every git and git-lfs of this machine.
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { gitLfsVersions, gitVersions, torchPython } from '../support/env';
import { FIXTURES, Scratch } from '../support/scratch';
import { settled, settledInClone } from './life-world';
import { ModelRepository, model, safetensors, values } from './road-model';

let scratch: Scratch;
let repo: ModelRepository;
beforeEach(async () => {
  scratch = new Scratch();
  repo = await ModelRepository.create(scratch);
});
afterEach(() => scratch.cleanup());

interface Entry {
  name: string;
  crc: number;
  /** Offsets in the file: of its record in the directory, of its data, and where its CRC stands. */
  record: number;
  data: number;
  size: number;
}

/** The entries of a zip of stored members. */
function entries(zip: Buffer): Entry[] {
  const end = zip.lastIndexOf('PK\x05\x06');
  const found: Entry[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((o) => zip.readUInt16LE(at + o)) as number[];
    const header = zip.readUInt32LE(at + 42);
    const local = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    found.push({
      name: zip.toString('utf8', at + 46, at + 46 + (name ?? 0)),
      crc: zip.readUInt32LE(at + 16),
      record: at,
      data: local,
      size: zip.readUInt32LE(at + 24),
    });
    at += 46 + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  return found;
}

/** The second half of a serialization id: torch's combination of the CRCs before it. */
function combined(all: readonly Entry[]): string {
  let seed = 0n;
  for (const { name, crc } of all) {
    if (name.endsWith('/.data/serialization_id')) break;
    const mixed = BigInt(crc) + 0x9e3779b9n + BigInt.asUintN(64, seed << 6n) + (seed >> 2n);
    seed ^= BigInt.asUintN(64, mixed);
  }
  return seed.toString().padStart(20, '0');
}

/** Writes new content of a member and its CRC, in both places where it stands. */
function replace(zip: Buffer, entry: Entry, content: Buffer): void {
  content.copy(zip, entry.data);
  const crc = crc32(content);
  zip.writeUInt32LE(crc, entry.record + 16);
  // The descriptor behind the data.
  expect(zip.readUInt32LE(entry.data + entry.size)).toBe(0x08074b50);
  zip.writeUInt32LE(crc, entry.data + entry.size + 4);
}

/** The file that torch would have saved with another content of one storage. */
function resaved(zip: Buffer, member: string): Buffer {
  const copy = Buffer.from(zip);
  const find = (suffix: string) => entries(copy).find(({ name }) => name.endsWith(suffix)) as Entry;
  const id = find('/.data/serialization_id');
  const old = copy.toString('latin1', id.data, id.data + id.size);
  expect(old.slice(20)).toBe(combined(entries(copy)));
  const storage = find(member);
  replace(copy, storage, Buffer.from(values(storage.size / 4).buffer));
  replace(copy, id, Buffer.from(old.slice(0, 20) + combined(entries(copy)), 'latin1'));
  return copy;
}

test.each([
  ['torch2.4/state_dict.pt', '/data/7'],
  ['torch2.15/state_dict.pt', '/data/7'],
  ['torch/t5ish.pt', '/data/10'],
])('%s saved again with one changed tensor stages that tensor alone', async (name, member) => {
  const before = readFileSync(`${FIXTURES}/${name}`);
  await repo.theta('track', 'model.pt');
  await repo.commit('model.pt', before);
  const after = resaved(before, member);
  repo.write('model.pt', after);
  await repo.theta('add', 'model.pt');
  const changes = await repo.changes('--cached');
  expect(changes).toHaveLength(3);
  expect(changes[0]).toMatch(/^\.git_theta\/model\.pt\/[^.][^/]*\/c\.0(\.0)*$/);
  expect(changes[1]).toBe(changes[0]?.replace(/c[.0]*$/, 'zarr.json'));
  expect(changes[2]).toBe('model.pt');
  const { stdout } = await repo.git('diff', '--cached', '--numstat', '--', 'model.pt');
  expect(stdout).toBe('1\t1\tmodel.pt\n');
  await repo.git('commit', '--quiet', '-m', 'saved again');
  await settledInClone(repo, { 'model.pt': after }, 'clone');
  await repo.git('checkout', '--quiet', 'HEAD~1');
  await settled(repo, { 'model.pt': before });
});

(torchPython() ? test : test.skip)('torch saves again with one changed tensor', async () => {
  const code = `
import sys, torch
torch.manual_seed(1)
state = {f"layer.{n}.weight": torch.randn(32, 32) for n in range(4)}
torch.save(state, "one.pt")
state["layer.2.weight"] += 1
torch.save(state, "model.pt")
`;
  // Both under one name: torch writes it into the file.
  await scratch.run(torchPython() as string, ['-c', code.replace('one.pt', 'model.pt')], {
    cwd: repo.dir,
  });
  const after = repo.read('model.pt');
  const first = code.replace('one.pt', 'model.pt').split('state["layer')[0] as string;
  await scratch.run(torchPython() as string, ['-c', first], { cwd: repo.dir });
  const before = repo.read('model.pt');
  await repo.theta('track', 'model.pt');
  await repo.commit('model.pt', before);
  repo.write('model.pt', after);
  await repo.theta('add', 'model.pt');
  expect(await repo.changes('--cached')).toEqual([
    '.git_theta/model.pt/layer.2.weight/c.0.0',
    '.git_theta/model.pt/layer.2.weight/zarr.json',
    'model.pt',
  ]);
  await repo.git('commit', '--quiet', '-m', 'saved again');
  await settledInClone(repo, { 'model.pt': after }, 'clone');
});

const pairs = gitVersions().flatMap((git) =>
  gitLfsVersions().map((gitLfs) => [git.name, gitLfs.name, git, gitLfs] as const),
);

test.each(pairs)('the main flow with %s and %s', async (_, __, git, gitLfs) => {
  const chosen = new Scratch({ git, gitLfs });
  try {
    expect((await chosen.git('--version')).stdout).toContain(git.name.split(' ')[1]);
    expect((await chosen.git('lfs', 'version')).stdout).toContain(gitLfs.name.split(' ')[1]);
    const first = await ModelRepository.create(chosen);
    await first.theta('track', 'model.pt');
    const tensors = model(3, 1024);
    const one = await first.commit('model.pt', tensors);
    const two = safetensors({ ...tensors, 'layer.1.weight': values(1024) });
    first.write('model.pt', two);
    await first.git('commit', '--quiet', '-a', '-m', 'plain');
    const bare = await chosen.bare('remote.git');
    await first.git('remote', 'add', 'origin', `file://${bare}`);
    await first.git('push', '--quiet', 'origin', 'main');
    const clone = new ModelRepository(chosen, await chosen.clone(`file://${bare}`, 'clone'));
    await settled(clone, { 'model.pt': two });
    await clone.git('checkout', '--quiet', 'HEAD~1');
    await settled(clone, { 'model.pt': one });

    await first.git('checkout', '--quiet', '-b', 'side', 'main~1');
    await first.commit('model.pt', { ...tensors, 'layer.2.weight': values(1024) });
    await first.git('rebase', '--quiet', 'main');
    await settled(first, { 'model.pt': first.read('model.pt') });
    expect(await first.changes('main', 'side')).toHaveLength(3);
    first.write('model.pt', one);
    await first.git('stash', '--quiet');
    await first.git('stash', 'pop', '--quiet');
    expect(first.read('model.pt').equals(one)).toBe(true);
    await first.git('reset', '--quiet', '--hard', 'main');
    await settled(first, { 'model.pt': two });
  } finally {
    chosen.cleanup();
  }
});
