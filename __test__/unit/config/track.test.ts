import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { track } from '../../../src/config/track';
import { trackedPatterns } from '../../../src/config/tracked';
import { untrack } from '../../../src/config/untrack';
import { Repository } from '../../../src/git/repository';
import { FIXTURES } from '../../support/scratch';
import { Scratch } from './scratch';

let scratch: Scratch;
let root: string;
const attributes = () => readFileSync(join(root, '.gitattributes'), 'utf8');
const run = async (...patterns: string[]) => track(await Repository.discover(), patterns);
const undo = async (...patterns: string[]) => untrack(await Repository.discover(), patterns);
const attribute = (name: string, path: string) =>
  scratch.git(['check-attr', '-z', name, '--', path], root).split('\0')[2];

beforeEach(() => {
  scratch = new Scratch();
  root = scratch.repository();
});

afterEach(() => scratch.dispose());

test('writes exactly the two lines of the specification', async () => {
  const report = await run('model.pt');
  expect(attributes()).toBe(
    '".git_theta/model.pt/**" filter=lfs diff=lfs merge=lfs -text\nmodel.pt filter=theta merge=theta -text\n',
  );
  expect(readFileSync('.git_theta/.gitattributes', 'utf8')).toBe(
    '* filter=lfs diff=lfs merge=theta-store -text theta-store\n.gitattributes !filter !diff !merge !text\n',
  );
  expect(report.results).toEqual([{ pattern: 'model.pt', changed: true }]);
  expect(report.written).toEqual(['.gitattributes', '.git_theta/.gitattributes']);
  expect(report.hooks).toHaveLength(6);
  expect(scratch.git(['diff', '--cached', '--name-only'])).toBe('');
});

test('is idempotent', async () => {
  await run('model.pt', '*.safetensors');
  const before = attributes();
  const report = await run('*.safetensors', 'model.pt');
  expect(attributes()).toBe(before);
  expect(report.written).toEqual([]);
  expect(report.results.every(({ changed }) => !changed)).toBe(true);
});

test('a dry run writes nothing, hooks included', async () => {
  const report = await track(await Repository.discover(), ['model.pt'], { dryRun: true });
  expect(report.results).toEqual([{ pattern: 'model.pt', changed: true }]);
  expect(scratch.git(['status', '--porcelain'])).toBe('');
  expect(existsSync('.git/hooks/pre-push')).toBe(false);
});

test.each([
  ['*.pt', '".git_theta/*.pt/**"', '*.pt'],
  ['runs/**/last.pt', '".git_theta/runs/**/last.pt/**"', 'runs/**/last.pt'],
  ['models/', '".git_theta/models/**"', 'models/**'],
  ['модель.pt', '".git_theta/модель.pt/**"', 'модель.pt'],
  ['./a//b.pt', '".git_theta/a/b.pt/**"', 'a/b.pt'],
])('the pattern %s', async (typed, store, model) => {
  await run(typed);
  expect(attributes()).toBe(
    `${store} filter=lfs diff=lfs merge=lfs -text\n${model} filter=theta merge=theta -text\n`,
  );
});

test.each([
  'my model.pt',
  'say "hi".pt',
  "it's.pt",
  'back\\slash.pt',
  'tab\tin name.pt',
  '#1.pt',
  '!best.pt',
  'best[1].pt',
  'what?.pt',
  'star*.pt',
  'модель 🙂.pt',
  'deep folder/sub [x]/model.pt',
])('the file %j is tracked, alone, with its store', async (path) => {
  if (process.platform === 'win32' && /["?*\\\t]/.test(path)) return;
  const similar = path.replace(/[[\]?*\\]/g, 'x').replace('1.pt', '2.pt');
  scratch.write(path, 'x');
  await run(path);
  expect(attribute('filter', path)).toBe('theta');
  expect(attribute('merge', path)).toBe('theta');
  expect(attribute('text', path)).toBe('unset');
  expect(attribute('filter', `.git_theta/${path}/w/c.0`)).toBe('lfs');
  expect(attribute('merge', `.git_theta/${path}/w/c.0`)).toBe('theta-store');
  rmSync('.git_theta', { recursive: true });
  expect(attribute('merge', `.git_theta/${path}/w/c.0`)).toBe('lfs');
  if (similar !== path) expect(attribute('filter', similar)).toBe('unspecified');
  const before = attributes();
  await run(path);
  expect(attributes()).toBe(before);
  await undo(path);
  expect(existsSync('.gitattributes')).toBe(false);
});

test('what is typed in a subfolder is about the subfolder, and is written to the root', async () => {
  mkdirSync('sub/deep', { recursive: true });
  cpSync(join(FIXTURES, 'torch/param.pt'), 'sub/deep/a.pt');
  process.chdir('sub');
  await run('model.pt', '*.bin', 'deep', '../top.pt');
  expect(existsSync('.gitattributes')).toBe(false);
  expect(
    (await trackedPatterns(await Repository.discover())).map(({ pattern }) => pattern),
  ).toEqual(['sub/model.pt', 'sub/*.bin', 'sub/deep/*.pt', 'top.pt']);
  expect(attribute('filter', 'sub/deep/y.pt')).toBe('theta');
  expect(attribute('filter', 'model.pt')).toBe('unspecified');
  await undo('model.pt', '*.bin', 'deep', '../top.pt');
  expect(existsSync(join(root, '.gitattributes'))).toBe(false);
});

test('a folder stands for the weights in it, whatever else is there', async () => {
  cpSync(join(FIXTURES, 'safetensors/sharded'), 'llama', { recursive: true });
  cpSync(join(FIXTURES, 'torch/dcp'), 'runs/step 1', { recursive: true });
  writeFileSync('llama/config.json', '{}');
  const patterns = async () =>
    (await trackedPatterns(await Repository.discover())).map(({ pattern }) => pattern);
  await run('llama/', 'runs');
  expect(await patterns()).toEqual(['llama/*.safetensors', 'runs/step 1/*.distcp']);
  for (const [path, filter] of [
    ['llama/model-00001-of-00002.safetensors', 'theta'],
    ['llama/model.safetensors.index.json', 'unspecified'],
    ['llama/config.json', 'unspecified'],
    ['runs/step 1/__0_0.distcp', 'theta'],
    ['runs/step 1/.metadata', 'unspecified'],
  ] as const) {
    expect([path, attribute('filter', path)]).toEqual([path, filter]);
  }
  // The folder alone names all of its lines.
  await undo('runs');
  expect(await patterns()).toEqual(['llama/*.safetensors']);

  mkdirSync('empty');
  await expect(run('empty')).rejects.toMatchObject({
    code: 'ERR_THETA_USAGE',
    hint: expect.stringContaining('"empty/**"'),
  });
});

test.each([
  '',
  '*',
  '**',
  '.',
  '/',
  '!x.pt',
  '#x.pt',
  '.git_theta/x',
  '.git/x',
  'a/.gitattributes',
  'a\nb',
])('the pattern %j is refused and nothing is written', async (pattern) => {
  await expect(run(pattern)).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_THETA_(USAGE|OUTSIDE_WORK_TREE)$/),
  });
  expect(existsSync('.gitattributes')).toBe(false);
});

test('a path outside the work tree is refused', async () => {
  await expect(run('../model.pt')).rejects.toMatchObject({
    code: 'ERR_THETA_OUTSIDE_WORK_TREE',
  });
});

test('a file of another filter is refused, with the way out', async () => {
  const before = '*.pt filter=lfs diff=lfs merge=lfs -text\n*.bin filter=crypt\n';
  scratch.write('.gitattributes', before);
  mkdirSync('sub');
  cpSync(join(FIXTURES, 'torch/param.pt'), 'sub/model.pt');
  for (const pattern of ['model.pt', 'sub/model.pt', 'sub/', '*.pt']) {
    await expect(run(pattern)).rejects.toMatchObject({
      code: 'ERR_THETA_FOREIGN_FILTER',
      hint: expect.stringContaining('git lfs untrack'),
    });
  }
  await expect(run('x.bin')).rejects.toMatchObject({
    message: "'x.bin' is already handled by filter=crypt",
  });
  expect(attributes()).toBe(before);
});

test('files that git has as they are, and files that stay without the filter, are reported', async () => {
  scratch.write('raw.pt', 'not a manifest');
  scratch.write('sub/.gitattributes', '*.pt -filter\n');
  scratch.write('sub/other.pt', 'x');
  scratch.git(['add', '.']);
  scratch.git(['commit', '-q', '-m', 'raw']);
  const report = await run('*.pt');
  expect(report.raw).toEqual(['raw.pt']);
  expect(report.overridden).toEqual([{ path: 'sub/other.pt', filter: '' }]);
});

test('nothing is written through a symbolic link', async () => {
  mkdirSync(join(scratch.root, 'elsewhere'));
  symlinkSync(join(scratch.root, 'elsewhere'), '.git_theta');
  await expect(run('model.pt')).rejects.toMatchObject({ code: 'ERR_THETA_CONFLICT' });
  expect(existsSync(join(scratch.root, 'elsewhere', '.gitattributes'))).toBe(false);
});

test('other lines keep every byte', async () => {
  const before = '# comment\r\n*.txt text\r\n\r\n  *.png   binary';
  scratch.write('.gitattributes', before);
  await run('model.pt');
  expect(attributes().startsWith(before)).toBe(true);
  await undo('model.pt');
  expect(attributes().trimEnd()).toBe(before);
});

test('lists patterns with the file in which they stand', async () => {
  await run('model.pt');
  scratch.write('sub/.gitattributes', '*.bin filter=theta\n*.txt text\n');
  scratch.write('.git/info/attributes', '"a b.pt" filter=theta\n');
  const found = await trackedPatterns(await Repository.discover());
  expect(found.map(({ pattern }) => pattern)).toEqual(['model.pt', '*.bin', 'a b.pt']);
  expect(found.slice(0, 2).map(({ source }) => source)).toEqual([
    '.gitattributes',
    'sub/.gitattributes',
  ]);
});

test('untrack removes these two lines and no others', async () => {
  await run('a.pt', 'b.pt', '*.bin');
  await undo('b.pt');
  expect(attributes()).toBe(
    [
      '".git_theta/a.pt/**" filter=lfs diff=lfs merge=lfs -text',
      'a.pt filter=theta merge=theta -text',
      '".git_theta/*.bin/**" filter=lfs diff=lfs merge=lfs -text',
      '*.bin filter=theta merge=theta -text',
      '',
    ].join('\n'),
  );
});

test('untrack refuses a pattern without lines, names those that there are, and writes nothing', async () => {
  await run('a.pt', '*.bin');
  const before = attributes();
  await expect(undo('a.pt', 'x.bin')).rejects.toMatchObject({
    code: 'ERR_THETA_NOT_TRACKED',
    hint: "Tracked there: '*.bin'.",
  });
  expect(attributes()).toBe(before);
});

test('untrack says which files git still has as manifests', async () => {
  await run('a.pt');
  scratch.write('a.pt', '{"git-theta":1}');
  const oid = scratch.git(['hash-object', '-w', '--no-filters', 'a.pt']).trim();
  scratch.git(['update-index', '--add', '--cacheinfo', `100644,${oid},a.pt`]);
  expect((await undo('a.pt')).left).toEqual(['a.pt']);
});

test('untrack takes effect although the index has the lines', async () => {
  await run('a.pt');
  scratch.git(['add', '.gitattributes']);
  await undo('a.pt');
  expect(attribute('filter', 'a.pt')).toBe('unspecified');
  expect(attributes()).toBe('');
});
