import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Manifest, printManifest } from '../../src/manifest';
import { model, type Rest, random, type Tensor } from '../unit/merge/models';
import { MergeRepository } from './merge-repository';

const BASE: Record<string, Tensor> = { a: '1', b: '1', 'g/c': '1' };
const OURS = { ...BASE, a: '2' };
const THEIRS = { ...BASE, b: '2' };
const BOTH = { ...BASE, a: '2', b: '2' };

let repo: MergeRepository;

beforeEach(() => {
  repo = new MergeRepository();
});
afterEach(() => repo.dispose());

function fork(path: string, base: Manifest, ours: Manifest, theirs: Manifest): void {
  repo.fork({ [path]: base }, { [path]: ours }, { [path]: theirs });
}

function expectMerged(wanted: Manifest, path = 'model.pt'): void {
  expect(printManifest(repo.manifest(path))).toBe(printManifest(wanted));
  expect(repo.storeErrors(path)).toEqual([]);
  expect(repo.git('status', '--porcelain')).toBe('');
}

const merge = () => repo.try(['merge', '--no-edit', 'theirs']);

test.each([
  'model.pt',
  '-x.pt',
  '!early.pt',
  '.git_theta.pt',
  'модель с "кавычками".pt',
  "deep/er/it's.pt",
])('a model called %s', (path) => {
  fork(path, model(BASE), model(OURS), model(THEIRS));
  expect(merge().code).toBe(0);
  expectMerged(model(BOTH), path);
});

test('chunks of large tensors', () => {
  const rest: Rest = { shape: { a: [3, 4, 2 ** 20], b: [40_000_000] } };
  fork('model.pt', model(BASE, rest), model(OURS, rest), model(THEIRS, rest));
  expect(merge().code).toBe(0);
  expect(repo.git('ls-files', '.git_theta/model.pt/a').split('\n').length).toBeGreaterThan(3);
  expectMerged(model(BOTH, rest));
});

test('store files that both sides changed are what the manifest says', () => {
  // The same values in another encoding on our side; theirs has new values.
  const ours = model(BASE, { encoding: '2' });
  const theirs = model({ ...BASE, a: '2' });
  fork('model.pt', model(BASE), ours, theirs);
  expect(merge().code).toBe(0);
  const tensors = ours.tensors.map((record) =>
    record.tensor === 'a' ? theirs.tensors[0] : record,
  ) as Manifest['tensors'];
  expectMerged({ ...ours, tensors });
});

test('a model whose store git merges first, with results that its driver would need', () => {
  const ours = model(BASE, { encoding: '2' });
  fork('-x.pt', model(BASE), ours, model({ ...BASE, a: '2' }));
  expect(merge().code).toBe(1);
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expect(repo.storeErrors('-x.pt')).toEqual([]);
  expect(repo.manifest('-x.pt').tensors[0]).toEqual(model({ ...BASE, a: '2' }).tensors[0]);
  expect(repo.git('status', '--porcelain')).toBe('');
});

describe('folders that move because a name came in that differs in case only', () => {
  beforeEach(() => {
    const ours = model({ ...BASE, A: '1' });
    fork('model.pt', model(BASE), ours, model({ ...BASE, a: '2' }));
  });
  const wanted = model({ ...BASE, A: '1', a: '2' });

  test('the merge stops, and --continue finishes it', () => {
    const { code, stderr } = merge();
    expect(code).toBe(1);
    expect(stderr).toContain('model.pt: the tensors are merged, but git merges');
    expect(repo.theta('merge').stdout).toBe('model.pt: merged\n');
    expect(repo.theta('merge', '--continue').code).toBe(0);
    expectMerged(wanted);
  });

  test('the merged checkpoint may be staged by hand', () => {
    expect(merge().code).toBe(1);
    repo.git('add', 'model.pt');
    expect(repo.theta('merge', '--continue').code).toBe(0);
    expectMerged(wanted);
  });

  test('a file that someone edited meanwhile is not overwritten', () => {
    expect(merge().code).toBe(1);
    repo.git('restore', '--source=main', '--worktree', 'model.pt');
    const { code, stderr } = repo.theta('merge', '--continue');
    expect(code).toBe(1);
    expect(stderr).toContain('model.pt: the file in the work tree is not what was merged');
  });
});

describe('histories that cross', () => {
  /** Both branches have merged the other's first commit; then each goes on. */
  function cross(
    first: [Manifest, Manifest],
    crossed: Manifest[],
    last: [Manifest, Manifest],
  ): void {
    repo.commit('main', { 'model.pt': model(BASE) });
    const one = repo.commit('ours', { 'model.pt': first[0] }, 'main');
    const two = repo.commit('theirs', { 'model.pt': first[1] }, 'main');
    for (const [at, branch, other] of [
      [0, 'ours', two],
      [1, 'theirs', one],
    ] as const) {
      repo.git('switch', '-q', '-f', branch);
      const { code } = repo.try(['merge', '-q', '--no-edit', other]);
      if (code !== 0) {
        // What a person would do: some version, then the store.
        repo.git('checkout', '-q', at === 0 ? '--ours' : '--theirs', 'model.pt');
        repo.git('add', 'model.pt');
        expect(repo.theta('merge', '--continue').code).toBe(0);
      }
      expectMerged(crossed[at] as Manifest);
      repo.commit(branch, { 'model.pt': last[at] as Manifest });
      repo.git('reset', '-q', '--hard');
    }
    repo.git('switch', '-q', '-f', 'ours');
  }

  test('the ancestors are merged first', () => {
    const both = model(BOTH);
    cross(
      [model(OURS), model(THEIRS)],
      [both, both],
      [model({ ...BOTH, a: '3' }), model({ ...BOTH, b: '3' })],
    );
    expect(merge().code).toBe(0);
    expectMerged(model({ ...BASE, a: '3', b: '3' }));
  });

  test('a tensor that one side set back is set back', () => {
    const both = model(BOTH);
    cross(
      [model(OURS), model(THEIRS)],
      [both, both],
      [model({ ...BOTH, 'g/c': '2' }), model({ ...BOTH, a: '1' })],
    );
    expect(merge().code).toBe(0);
    expectMerged(model({ a: '1', b: '2', 'g/c': '2' }));
  });

  test('ancestors in conflict are a conflict, never an answer', () => {
    // `a` was 2 here and 3 there; each side later took its own, and one of them set it back.
    const [two, three] = [model({ ...BASE, a: '2' }), model({ ...BASE, a: '3' })];
    cross(
      [two, three],
      [two, two],
      [model({ ...BASE, a: '1' }), model({ ...BASE, a: '2', b: '2' })],
    );
    const { code, stderr } = merge();
    expect(code).toBe(1);
    expect(stderr).toContain('the histories cross, and the common ancestors conflict themselves');
    repo.git('add', 'model.pt');
    expect(repo.theta('merge', '--continue').code).toBe(0);
    expectMerged(model({ ...BASE, a: '1' }));
  });
});

test('an octopus merges lines, and that is right too', () => {
  fork('model.pt', model(BASE), model(OURS), model(THEIRS));
  repo.commit('third', { 'model.pt': model({ ...BASE, 'g/c': '2' }) }, 'main');
  repo.git('merge', '-q', '--no-edit', 'theirs', 'third');
  expectMerged(model({ a: '2', b: '2', 'g/c': '2' }));
});

describe('where the driver is not configured', () => {
  beforeEach(() => repo.git('config', '--remove-section', 'merge.theta'));

  test('git merges lines, and changes of neighbours are right', () => {
    fork('model.pt', model(BASE), model(OURS), model(THEIRS));
    expect(merge().code).toBe(0);
    expectMerged(model(BOTH));
  });

  test('a conflict is resolved in the same way', () => {
    fork('model.pt', model(BASE), model(OURS), model({ ...BASE, a: '3' }));
    expect(merge().code).toBe(1);
    expect(repo.theta('merge').stdout).toBe('model.pt: conflict\n  a: both sides changed it\n');
    repo.git('checkout', '-q', '--theirs', 'model.pt');
    repo.git('add', 'model.pt');
    expect(repo.theta('merge', '--continue').code).toBe(0);
    expectMerged(model({ ...BASE, a: '3' }));
  });
});

test('a model moved on one side, changed on both', () => {
  repo.commit('main', { 'model.pt': model(BASE) });
  repo.commit('ours', { 'model.pt': null, 'new/name.pt': model(OURS) }, 'main');
  repo.commit('theirs', { 'model.pt': model(THEIRS) }, 'main');
  repo.git('switch', '-q', '-f', 'ours');
  expect(merge().code).toBe(0);
  expectMerged(model(BOTH), 'new/name.pt');
  expect(repo.git('ls-files', '.git_theta/model.pt')).toBe('');
});

test('a model moved here, and given a file more there: git stops, --continue finishes', () => {
  const base = { ...BASE, b: { fill: 1 } };
  repo.commit('main', { 'model.pt': model(base) });
  repo.commit('ours', { 'model.pt': null, 'new.pt': model(base) }, 'main');
  repo.commit('theirs', { 'model.pt': model({ ...base, b: '2' }) }, 'main');
  repo.git('switch', '-q', '-f', 'ours');
  expect(merge().code).toBe(1);
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectMerged(model({ ...base, b: '2' }), 'new.pt');
  expect(repo.git('ls-files', '.git_theta/model.pt')).toBe('');
});

test('other merges in between do not disturb a conflict', () => {
  fork('model.pt', model(BASE), model(OURS), model({ ...BASE, a: '3', b: '2' }));
  expect(merge().code).toBe(1);
  repo.try(['merge-tree', '--write-tree', 'main', 'theirs']);
  repo.git('log', '-1', '--remerge-diff', '--format=', 'ours');
  repo.git('checkout', '-q', '--theirs', 'model.pt');
  // The conflict again, made by the driver from the three stages.
  repo.git('checkout', '-q', '-m', '--', 'model.pt');
  expect(readFileSync(join(repo.dir, 'model.pt'), 'utf8')).toBe(printManifest(model(OURS)));
  repo.git('checkout', '-q', '--theirs', 'model.pt');
  repo.git('add', 'model.pt');
  expect(repo.theta('merge', '--continue').code).toBe(0);
  expectMerged(model({ ...BASE, a: '3', b: '2' }));
});

describe.each([
  ['the oldest git', { git: '/usr/bin/git' }],
  ['SHA-256 object names', { objectFormat: 'sha256' as const }],
])('%s', (_, options) => {
  const there = existsSync('/usr/bin/git');
  beforeEach(() => {
    repo.dispose();
    repo = new MergeRepository(options);
  });

  (there ? test : test.skip).each([
    ['merge', ['merge', '--no-edit', 'theirs']],
    ['cherry-pick', ['cherry-pick', 'theirs']],
    ['rebase', ['rebase', 'theirs']],
    ['rebase --apply', ['rebase', '--apply', 'theirs']],
  ])('%s', (_name, args) => {
    fork('model.pt', model(BASE), model(OURS), model(THEIRS));
    expect(repo.try(args).code).toBe(0);
    expectMerged(model(BOTH));
  });

  (there ? test : test.skip)('a conflict, resolved and undone', () => {
    fork('model.pt', model(BASE), model(OURS), model({ ...BASE, a: '3' }));
    const before = repo.snapshot();
    expect(merge().code).toBe(1);
    expect(repo.theta('merge', '--abort').code).toBe(0);
    expect(repo.snapshot()).toBe(before);
    expect(merge().code).toBe(1);
    repo.git('checkout', '-q', '--theirs', 'model.pt');
    repo.git('add', 'model.pt');
    expect(repo.theta('merge', '--continue').code).toBe(0);
    expectMerged(model({ ...BASE, a: '3' }));
  });
});

test('random merges: right as a whole, or stopped and undone without a trace', () => {
  const names = Array.from({ length: 60 }, (_, at) => `layer.${at % 9}/w.${at}`);
  const seen = { clean: 0, conflict: 0 };
  for (let seed = 1; seed <= 30; seed++) {
    const below = random(seed * 7907);
    const base = Object.fromEntries(
      names.map((name): [string, Tensor] => [name, below(6) === 0 ? { fill: 1 } : '1']),
    );
    // In every other merge, which tensors there are changes on one side only.
    const frames = seed % 2 === 0 ? [true, below(2) === 0] : [below(2) === 0, false];
    const edit = (adds: boolean, values: number) => {
      const edited = { ...base };
      for (const name of names) {
        const what = below(30);
        if (what < 3)
          edited[name] = below(5) === 0 ? { fill: 2 + below(values) } : `${2 + below(values)}`;
        else if (adds && what === 3) delete edited[name];
        else if (adds && what === 4) edited[`${name}.new`] = '1';
        else if (adds && what === 5) edited[name.toUpperCase()] = '1';
      }
      return edited;
    };
    const [ours, theirs] = [edit(frames[0] === true, 3), edit(frames[1] === true, 3)];
    const fresh = `${seed}`;
    repo.commit(`main${fresh}`, { 'model.pt': model(base) });
    repo.commit(`ours${fresh}`, { 'model.pt': model(ours) }, `main${fresh}`);
    repo.commit(`theirs${fresh}`, { 'model.pt': model(theirs) }, `main${fresh}`);
    repo.git('switch', '-q', '-f', `ours${fresh}`);
    const before = repo.snapshot();
    const { code } = repo.try(['merge', '-q', '--no-edit', `theirs${fresh}`]);
    if (code === 0) {
      seen.clean++;
      const wanted: Record<string, Tensor> = { ...ours };
      for (const name of new Set([...Object.keys(base), ...Object.keys(theirs)])) {
        const value = theirs[name];
        if (JSON.stringify(value) === JSON.stringify(base[name])) continue;
        if (value === undefined) delete wanted[name];
        else wanted[name] = value;
      }
      expect([seed, printManifest(repo.manifest('model.pt'))]).toEqual([
        seed,
        printManifest(model(wanted)),
      ]);
      expect([seed, repo.storeErrors('model.pt')]).toEqual([seed, []]);
    } else {
      seen.conflict++;
      expect(repo.unmerged()).toContain('model.pt');
      expect(repo.theta('merge', '--abort').code).toBe(0);
      expect(repo.snapshot()).toBe(before);
    }
  }
  expect(Math.min(seen.clean, seen.conflict)).toBeGreaterThan(4);
}, 60_000);

test('the driver by itself: silent on standard output, and a conflict in doubt', () => {
  const cli = join(__dirname, '../../bin/git-theta.js');
  const run = (...args: string[]) => {
    try {
      const out = execFileSync(process.execPath, [cli, 'merge-driver', ...args], {
        cwd: repo.dir,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return [0, out.toString()];
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: Buffer };
      return [status, stdout.toString()];
    }
  };
  expect(run('a', 'b')).toEqual([129, '']);
  expect(run('missing', 'missing', 'missing', '7', 'model.pt')).toEqual([1, '']);
});
