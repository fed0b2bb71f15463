import { compareNames, type Manifest, parseManifest, printManifest } from '../../../src/manifest';
import { describeConflict } from '../../../src/merge/conflict';
import { mergeManifests } from '../../../src/merge/manifest-merge';
import { model, opaque, random, type Tensor } from './models';

const BASE = { a: '1', b: '1', 'g/c': '1' };

/** The merged manifest as text, or the conflicts in short form. */
function merge(base: Manifest | null, ours: Manifest, theirs: Manifest): string | string[] {
  const { merged, conflicts } = mergeManifests(base, ours, theirs);
  return merged ? printManifest(merged) : conflicts.map(({ name, kind }) => `${name}: ${kind}`);
}

type Case = [name: string, o: Manifest | null, a: Manifest, b: Manifest, result: Manifest];

const clean: Case[] = [
  ['ours alone', model(BASE), model({ ...BASE, a: '2' }), model(BASE), model({ ...BASE, a: '2' })],
  [
    'theirs alone',
    model(BASE),
    model(BASE),
    model({ ...BASE, a: '2' }),
    model({ ...BASE, a: '2' }),
  ],
  [
    'different tensors',
    model(BASE),
    model({ ...BASE, a: '2' }),
    model({ ...BASE, b: '2' }),
    model({ ...BASE, a: '2', b: '2' }),
  ],
  [
    'the same change',
    model(BASE),
    model({ ...BASE, a: '2', b: '2' }),
    model({ ...BASE, a: '2', 'g/c': '2' }),
    model({ a: '2', b: '2', 'g/c': '2' }),
  ],
  [
    'a tensor added, another changed',
    model(BASE),
    model({ ...BASE, d: '1' }),
    model({ ...BASE, b: '2' }),
    model({ ...BASE, b: '2', d: '1' }),
  ],
  [
    'a tensor and its group removed, another changed',
    model(BASE),
    model({ a: '1', b: '1' }),
    model({ ...BASE, b: '2' }),
    model({ a: '1', b: '2' }),
  ],
  [
    'the same tensor removed on both sides',
    model(BASE),
    model({ a: '2', b: '1' }),
    model({ a: '1', b: '2' }),
    model({ a: '2', b: '2' }),
  ],
  [
    'the same tensor added on both sides',
    model(BASE),
    model({ ...BASE, a: '2', d: '1' }),
    model({ ...BASE, b: '2', d: '1' }),
    model({ ...BASE, a: '2', b: '2', d: '1' }),
  ],
  [
    'a shape changed, another value changed',
    model(BASE),
    model(BASE, { shape: { a: [8] } }),
    model({ ...BASE, b: '2' }),
    model({ ...BASE, b: '2' }, { shape: { a: [8] } }),
  ],
  [
    'a constant became a value',
    model({ ...BASE, a: { fill: 1 } }),
    model({ ...BASE, a: '2' }),
    model({ ...BASE, a: { fill: 1 }, b: '2' }),
    model({ ...BASE, a: '2', b: '2' }),
  ],
  [
    'tensors tied, another changed',
    model(BASE),
    model({ ...BASE, b: { same: 'a' } }),
    model({ ...BASE, 'g/c': '2' }),
    model({ a: '1', b: { same: 'a' }, 'g/c': '2' }),
  ],
  [
    'a tied tensor changed with its partner, another changed',
    model({ ...BASE, b: { same: 'a' } }),
    model({ a: '2', b: { same: 'a' }, 'g/c': '1' }),
    model({ a: '1', b: { same: 'a' }, 'g/c': '2' }),
    model({ a: '2', b: { same: 'a' }, 'g/c': '2' }),
  ],
  [
    'a storage changed with its view, another changed',
    model({ a: '1', v: { view: 's', value: '1' } }, { storages: { s: '1' } }),
    model({ a: '1', v: { view: 's', value: '2' } }, { storages: { s: '2' } }),
    model({ a: '2', v: { view: 's', value: '1' } }, { storages: { s: '1' } }),
    model({ a: '2', v: { view: 's', value: '2' } }, { storages: { s: '2' } }),
  ],
  [
    'the rest of the file changed, a tensor changed',
    model(BASE),
    model(BASE, { rest: 'epoch 2' }),
    model({ ...BASE, a: '2' }),
    model({ ...BASE, a: '2' }, { rest: 'epoch 2' }),
  ],
  [
    'another format, a tensor changed',
    model(BASE),
    model(BASE, { format: 'safetensors', rest: 'header' }),
    model({ ...BASE, a: '2' }),
    model({ ...BASE, a: '2' }, { format: 'safetensors', rest: 'header' }),
  ],
  [
    'equal values in another encoding, a tensor changed',
    model(BASE),
    model(BASE, { encoding: '2' }),
    model({ ...BASE, a: '2' }),
    // Only what changed on their side is in their encoding.
    {
      ...model(BASE, { encoding: '2' }),
      tensors: model(BASE, { encoding: '2' }).tensors.map((record) =>
        record.tensor === 'a' ? model({ ...BASE, a: '2' }).tensors[0] : record,
      ) as Manifest['tensors'],
    },
  ],
  ['one side became opaque', model(BASE), opaque('x'), model(BASE), opaque('x')],
  ['both added the same', null, model(BASE), model(BASE), model(BASE)],
  [
    'a stamp on one side, a tensor changed on the other',
    model(BASE),
    model(BASE, { stamp: '1' }),
    model({ ...BASE, a: '2' }),
    model({ ...BASE, a: '2' }),
  ],
  [
    'a stamp and a tensor on one side, another tensor on the other',
    model(BASE),
    model({ ...BASE, a: '2' }, { stamp: '1' }),
    model({ ...BASE, b: '2' }),
    model({ ...BASE, a: '2', b: '2' }),
  ],
  [
    'stamps everywhere',
    model(BASE, { stamp: '1' }),
    model({ ...BASE, a: '2' }, { stamp: '2' }),
    model({ ...BASE, b: '2' }, { stamp: '3' }),
    model({ ...BASE, a: '2', b: '2' }),
  ],
  [
    'two stamps',
    model(BASE),
    model(BASE, { stamp: '1' }),
    model(BASE, { stamp: '2' }),
    model(BASE),
  ],
  [
    'a stamp on one side alone',
    model(BASE),
    model(BASE, { stamp: '1' }),
    model(BASE),
    model(BASE, { stamp: '1' }),
  ],
  [
    'the same stamp on both sides',
    model(BASE),
    model({ ...BASE, a: '2' }, { stamp: '1' }),
    model({ ...BASE, a: '2' }, { stamp: '1' }),
    model({ ...BASE, a: '2' }, { stamp: '1' }),
  ],
  ['a stamp, and opaque', model(BASE), model(BASE, { stamp: '1' }), opaque('x'), opaque('x')],
  [
    'a stamp, and what is no tensor',
    model(BASE),
    model(BASE, { stamp: '1' }),
    model(BASE, { rest: 'epoch 2' }),
    model(BASE, { rest: 'epoch 2' }),
  ],
];

test.each(clean)('clean: %s', (_, base, ours, theirs, result) => {
  expect(merge(base, ours, theirs)).toBe(printManifest(result));
  // The sides are equals, but for which encoding of one value is kept.
  if (!_.includes('encoding')) expect(merge(base, theirs, ours)).toBe(printManifest(result));
});

type Clash = [name: string, o: Manifest | null, a: Manifest, b: Manifest, conflicts: string[]];

const storage = (tensor: string, value: string): Manifest =>
  model({ a: tensor, v: { view: 's', value } }, { storages: { s: value } });

const clashes: Clash[] = [
  [
    'one tensor, two values',
    model(BASE),
    model({ ...BASE, a: '2' }),
    model({ ...BASE, a: '3' }),
    ['a: modify/modify'],
  ],
  [
    'changed and removed',
    model(BASE),
    model({ ...BASE, 'g/c': '2' }),
    model({ a: '1', b: '1' }),
    ['g/c: modify/delete'],
  ],
  [
    'added with different values',
    model(BASE),
    model({ ...BASE, d: '1' }),
    model({ ...BASE, d: '2' }),
    ['d: add/add'],
  ],
  [
    'different tensors added: the rest of the file names both',
    model(BASE),
    model({ ...BASE, d: '1' }),
    model({ ...BASE, e: '1' }),
    [': skeleton'],
  ],
  [
    'the rest of the file changed on both sides',
    model(BASE),
    model({ ...BASE, a: '2' }, { rest: 'epoch 2' }),
    model({ ...BASE, a: '3' }, { rest: 'epoch 3' }),
    [': skeleton', 'a: modify/modify'],
  ],
  [
    'different formats',
    model(BASE),
    model(BASE, { format: 'safetensors', rest: 'header' }),
    model(BASE, { format: 'numpy', rest: 'npz' }),
    [': format'],
  ],
  ['opaque and changed', model(BASE), opaque('x'), model({ ...BASE, a: '2' }), [': format']],
  ['two opaque versions', opaque('x'), opaque('y'), opaque('z'), [': pieces']],
  ['no ancestor', null, model(BASE), model({ ...BASE, a: '2' }), ['a: add/add']],
  [
    'an array changed, a view of it added',
    model(BASE),
    model({ ...BASE, v: { view: 'a', value: '1' } }),
    model({ ...BASE, a: '2' }),
    ['v: modify/modify'],
  ],
  [
    'a storage changed on both sides',
    storage('1', '1'),
    storage('1', '2'),
    storage('1', '3'),
    ['s: modify/modify', 'v: modify/modify'],
  ],
];

test.each(clashes)('conflict: %s', (_, base, ours, theirs, conflicts) => {
  expect(merge(base, ours, theirs)).toEqual(conflicts);
  expect(merge(base, theirs, ours)).toEqual(conflicts);
});

test('conflicts carry the records of the sides that have one', () => {
  const [base, ours] = [model(BASE), model({ ...BASE, 'g/c': '2' })];
  const { conflicts } = mergeManifests(base, ours, model({ a: '1', b: '1' }));
  expect(conflicts).toEqual([
    { name: 'g/c', kind: 'modify/delete', base: base.tensors[2], ours: ours.tensors[2] },
  ]);
  expect(conflicts.map(describeConflict)).toEqual(['ours changed it, theirs removed it']);
});

/** A manifest whose skeleton is another's: what no decomposition gives, but a commit may hold. */
function withSkeleton(manifest: Manifest, of: Manifest): Manifest {
  return { ...manifest, ...(of.skeleton && { skeleton: of.skeleton }) };
}

test('tensors that the skeleton does not name are a conflict', () => {
  const base = model(BASE);
  const ours = withSkeleton(model({ ...BASE, d: '1' }), base);
  const theirs = model({ ...BASE, a: '2' });
  expect(merge(base, ours, theirs)).toEqual(['d: skeleton']);
  expect(merge(base, theirs, ours)).toEqual(['d: skeleton']);
});

test('a group that one side emptied and the other filled is kept', () => {
  const base = model(BASE);
  const ours = withSkeleton(model({ a: '1', b: '1' }), base);
  const theirs = withSkeleton(model({ a: '1', b: '1', 'g/c': '1', 'g/d': '1' }), base);
  // Such skeletons cannot be true, and that is what is said; never a manifest without the group.
  expect(merge(base, ours, theirs)).toEqual(['g/c: skeleton', 'g/d: skeleton']);
});

describe('random edits of different tensors', () => {
  const NAMES = Array.from({ length: 40 }, (_, at) => `layer.${at % 7}/block.${at % 3}/w.${at}`);

  test('give both, whoever is ours', () => {
    for (let seed = 1; seed <= 60; seed++) editBoth(seed);
  });

  function editBoth(seed: number): void {
    const below = random(seed * 7919);
    const tensors: Record<string, Tensor> = {};
    for (const name of NAMES) tensors[name] = below(5) === 0 ? { fill: below(3) + 1 } : '1';
    const base = model(tensors);
    const [ours, theirs, both] = [{ ...tensors }, { ...tensors }, { ...tensors }];
    const adder = below(2) === 0 ? ours : theirs;
    for (const name of NAMES) {
      const what = below(8);
      const side = below(2) === 0 ? ours : theirs;
      if (what < 3) {
        // Any value but the old one.
        const value: Tensor = below(4) === 0 ? { fill: 1000 + below(50) } : `${2 + below(1000)}`;
        side[name] = value;
        both[name] = value;
      } else if (what === 3) {
        // Only one side can change which tensors there are.
        delete adder[name];
        delete both[name];
        adder[`${name}.new`] = '1';
        both[`${name}.new`] = '1';
      }
    }
    const expected = printManifest(model(both));
    expect(merge(base, model(ours), model(theirs))).toBe(expected);
    expect(merge(base, model(theirs), model(ours))).toBe(expected);
  }

  test('what comes out is always a manifest, sorted, and made of records of the sides', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const below = random(seed * 104729);
      const edit = (tensors: Record<string, Tensor>) => {
        const edited = { ...tensors };
        for (const name of NAMES.slice(0, 12)) {
          const what = below(12);
          if (what < 2) edited[name] = `${below(3)}`;
          else if (what === 2) delete edited[name];
          else if (what === 3) edited[`${name}x`] = `${below(2)}`;
        }
        return edited;
      };
      const start = edit(Object.fromEntries(NAMES.slice(0, 12).map((name) => [name, '0'])));
      const base = model(start);
      const skeleton = (manifest: Manifest) =>
        below(2) === 0 ? withSkeleton(manifest, base) : manifest;
      const [ours, theirs] = [skeleton(model(edit(start))), skeleton(model(edit(start)))];
      const { merged } = mergeManifests(base, ours, theirs);
      if (!merged) continue;
      expect(parseManifest(printManifest(merged))).toEqual(merged);
      const known = new Set([...ours.tensors, ...theirs.tensors].map((r) => JSON.stringify(r)));
      expect(merged.tensors.every((record) => known.has(JSON.stringify(record)))).toBe(true);
      const names = merged.tensors.map(({ tensor }) => tensor);
      expect(names).toEqual([...names].sort(compareNames));
    }
  });
});
