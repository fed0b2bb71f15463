// A checkpoint's stamp in one line of `git theta status` and `git theta inspect`, from the file and from a commit.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from '../support/env';
import { ModelRepository, model, safetensors } from './road-model';

const MODEL = 'model.safetensors';
const FIXTURES = join(CHECKOUT, '__test__/fixtures');

let repo: ModelRepository;

beforeEach(async () => {
  repo = await ModelRepository.create();
  await repo.theta('track', '*.safetensors', '*.ckpt');
  repo.write('train.py', 'print(1)\n');
  await repo.git('add', '-A');
  await repo.git('commit', '--quiet', '-m', 'code');
  repo.write(MODEL, safetensors(model(2, 10)));
});

afterEach(() => repo.scratch.cleanup());

const out = async (...args: string[]): Promise<string> => (await repo.theta(...args)).stdout;
const json = async (...args: string[]) => JSON.parse(await out(...args, '--json'));

test('nothing is said of a file without a stamp', async () => {
  await repo.theta('add', MODEL);
  expect(await out('status')).not.toContain('stamp');
  expect(await out('inspect', MODEL)).not.toContain('stamp');
  expect((await json('status')).models[0].stamp).toBeNull();
  expect(await json('inspect', MODEL)).not.toHaveProperty('stamp');
});

test('of a stamped one: commit, branch, whether code was committed, day', async () => {
  const commit = (await repo.git('rev-parse', 'HEAD')).stdout.trim();
  await repo.theta('provenance', 'stamp', MODEL);
  await repo.theta('add', MODEL);
  const line = new RegExp(
    `stamp:? +commit ${commit.slice(0, 12)} \\(main\\), code committed, \\d{4}-\\d\\d-\\d\\d\\n`,
  );
  expect(await out('status')).toMatch(line);
  expect(await out('inspect', MODEL)).toMatch(line);
  const brief = { source: 'git-theta', commit, branch: 'main', committed: true };
  expect((await json('status')).models[0].stamp).toMatchObject(brief);
  expect((await json('inspect', MODEL)).stamp).toMatchObject(brief);
  // As git has it, in the index and in a commit.
  await repo.git('commit', '--quiet', '-m', 'model');
  repo.write(MODEL, 'something else');
  for (const rev of ['', 'HEAD']) {
    expect((await json('inspect', `${rev}:${MODEL}`)).stamp).toMatchObject(brief);
    expect(await out('inspect', `${rev}:${MODEL}`)).toMatch(line);
  }
});

test('uncommitted code is told', async () => {
  repo.write('train.py', 'print(2)\n');
  await repo.theta('provenance', 'stamp', MODEL);
  await repo.theta('add', MODEL);
  expect(await out('status')).toContain('code not committed');
});

test('the six fields of pl-git-callback count, under whichever key', async () => {
  for (const version of ['1.4.9', '1.7.7']) {
    const name = `original_callback_lightning_${version}.ckpt`;
    copyFileSync(join(FIXTURES, 'lightning', name), repo.path(name));
    await repo.theta('add', name);
    const [found] = (await json('status', name)).models;
    expect(found.stamp).toMatchObject({ source: 'pl-git-callback', committed: true });
    expect(found.stamp.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(await out('inspect', name)).toMatch(/stamp +commit [0-9a-f]{12} .*pl-git-callback/);
    expect((await json('inspect', `:${name}`)).stamp).toEqual(found.stamp);
  }
});

test('a damaged stamp is told as such, and stops nothing', async () => {
  repo.write(`${MODEL}.provenance.json`, '{"schema": 1}');
  await repo.theta('add', MODEL);
  expect(await out('status')).toContain('stamp: damaged: the stamp has no schema that is known');
  const newer = '{"schema":"git-theta/provenance/99","git":{}}';
  repo.write(`${MODEL}.provenance.json`, newer);
  expect(await out('inspect', MODEL)).toContain('damaged: ');
});
