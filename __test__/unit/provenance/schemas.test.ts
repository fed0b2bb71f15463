// The published JSON Schemas fit what is written and printed, and refuse what is not.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type AnySchemaObject, type ValidateFunction } from 'ajv/dist/2020';
import { check } from '../../../src/provenance/check';
import { readStamp, stamp, verifyStamp } from '../../../src/provenance/stamping';
import { CHECKOUT } from '../../support/env';
import { run as cli } from '../cli/run';
import { commit, folder, project, run, STATES, withSubmodule, write } from './git-repositories';
import { train, training } from './run-support';
import { BESIDE, CARRIERS, copyOf, FIXTURES, fixturesIn, withFile } from './stamping-files';

const SCHEMAS = join(CHECKOUT, 'schemas');
const python = ['python3', 'python'].find((name) => {
  const { status } = spawnSync(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']);
  return status === 0;
});

const load = (name: string): AnySchemaObject =>
  JSON.parse(readFileSync(join(SCHEMAS, `provenance-${name}.schema.json`), 'utf8'));

/** All objects of a schema. */
function* parts(value: unknown): Generator<AnySchemaObject> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as AnySchemaObject;
  for (const inner of Object.values(value)) yield* parts(inner);
}

/** A schema that allows no other properties: it finds what is written and not described. */
function closed(schema: AnySchemaObject): AnySchemaObject {
  const copy = structuredClone(schema);
  for (const part of parts(copy)) {
    const describes = typeof part.type !== 'undefined' && part.properties !== undefined;
    if (describes && part.additionalProperties === undefined) part.additionalProperties = false;
  }
  return copy;
}

function compiled(schema: AnySchemaObject): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  return ajv.compile(schema);
}

const STAMP = compiled(load('stamp'));
const CLOSED_STAMP = compiled(closed(load('stamp')));
const READ = compiled(load('read'));
const VERIFY = compiled(load('verify'));

/** Expects that a document, as it is in JSON, fits. */
function fits(validate: ValidateFunction, document: unknown): void {
  validate(JSON.parse(JSON.stringify(document)));
  expect(validate.errors ?? []).toEqual([]);
}

/** A stamp that we wrote: it fits, and it has nothing that the schema does not describe. */
function fitsClosely(document: unknown): void {
  fits(STAMP, document);
  fits(CLOSED_STAMP, document);
}

/** Runs `git theta provenance … --json` and expects that what it prints fits. */
async function printed(
  validate: ValidateFunction,
  ...args: string[]
): Promise<{ code: number; document: Record<string, unknown> }> {
  const { code, stdout } = await cli('provenance', ...args, '--json');
  const document = JSON.parse(stdout);
  fits(validate, document);
  expect(document.schema).toBe(1);
  return { code, document };
}

describe('the schemas', () => {
  const names = readdirSync(SCHEMAS);

  test('are these', () => {
    expect(names.sort()).toEqual(
      ['read', 'stamp', 'verify'].map((name) => `provenance-${name}.schema.json`),
    );
  });

  test.each(names)('%s describes each property', (name) => {
    const schema = JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8'));
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.$id).toBe(`urn:git-theta:${name.replace('.schema.json', '')}:1`);
    expect(schema).toMatchObject({ title: expect.any(String), description: expect.any(String) });
    const bare = [...parts(schema)].flatMap(({ properties = {} }) =>
      Object.entries(properties as Record<string, AnySchemaObject>)
        .filter(([, property]) => typeof property.description !== 'string')
        .map(([property]) => property),
    );
    expect(bare).toEqual([]);
  });

  test('can be required from the package', () => {
    const code = `for (const name of process.argv.slice(1)) console.log(require('git-theta/schemas/' + name).$id)`;
    const told = execFileSync(process.execPath, ['-e', code, ...names], {
      cwd: CHECKOUT,
      encoding: 'utf8',
    });
    expect(told.trim().split('\n')).toEqual(
      names.map((name) => `urn:git-theta:${name.replace('.schema.json', '')}:1`),
    );
    const { files } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'));
    expect(files).toContain('schemas');
  });
});

describe('what is read and verified', () => {
  test.each([...CARRIERS, ...BESIDE])('%s, stamped', async (fixture) => {
    const { root, file } = withFile(fixture);
    const made = await stamp(file, { dir: root, lightningCallback: 'always' });
    fitsClosely(made.stamp);
    const read = await printed(READ, 'read', file);
    expect(read).toMatchObject({ code: 0, document: { where: made.where, stamp: made.stamp } });
    fitsClosely(read.document.stamp);
    const verified = await printed(VERIFY, 'verify', file, '--dir', root, '--mode', 'strict');
    expect(verified).toMatchObject({ code: 0, document: { ok: true } });
  });

  test.each([
    ...fixturesIn('lightning'),
    ...fixturesIn('safetensors').filter((name) => name.endsWith('.safetensors')),
    'torch/state_dict.pt',
    'gguf/model.gguf',
  ])('%s, as it is', async (fixture) => {
    const file = join(FIXTURES, fixture);
    const { code, document } = await printed(READ, 'read', file);
    const found = document.six !== null || (document.foreign as unknown[]).length > 0;
    expect(code).toBe(found ? 0 : 3);
    const verified = await printed(VERIFY, 'verify', file, '--dir', project());
    expect(verified.code).toBe(document.six === null ? 3 : 0);
  });

  test('a stamp beside a file, and in a file of its own', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root, sidecar: true });
    const beside = `${file}.provenance.json`;
    fitsClosely(JSON.parse(readFileSync(beside, 'utf8')));
    expect((await printed(READ, 'read', beside)).document).toMatchObject({ format: 'json' });
    const { document } = await printed(VERIFY, 'verify', beside, '--dir', root);
    expect(document.results).toHaveLength(3);
  });

  test('a log file nearby, and the state that stands in a log folder', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    const logDir = join(root, 'run');
    await check({ dir: root, logDir });
    const { code, document } = await printed(READ, 'read', file);
    expect(code).toBe(3);
    expect(document.nearby).toMatchObject({ path: join(logDir, 'git_info.json') });
    fitsClosely(JSON.parse(readFileSync(join(logDir, 'provenance.json'), 'utf8')));
    expect((await printed(READ, 'read', join(logDir, 'git_info.json'))).code).toBe(0);
  });

  test('failures of each kind', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root });
    write(root, 'train.py', 'print(2)\n');
    const strict = await printed(VERIFY, 'verify', file, '--dir', root, '--mode', 'strict');
    expect(strict).toMatchObject({ code: 1, document: { ok: false } });
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200);
    writeFileSync(file, bytes);
    const changed = await printed(VERIFY, 'verify', file, '--dir', root);
    expect(changed).toMatchObject({ code: 4, document: { ok: false } });
    for (const match of ['commit', 'tree', 'paths', 'ancestor', 'reachable'])
      await printed(VERIFY, 'verify', file, '--dir', root, '--match', match, '--quick');
    const missing = join(root, 'missing.pt');
    const error = { error: { code: 'ERR_THETA_PROVENANCE_IO', path: missing } };
    expect(await printed(READ, 'read', missing)).toMatchObject({ code: 9, document: error });
    expect(await printed(VERIFY, 'verify', missing)).toMatchObject({ code: 9, document: error });
    expect(await printed(VERIFY, 'verify', file, '--dir', folder())).toMatchObject({ code: 7 });
    expect(await printed(VERIFY, 'verify', file, '--match', 'x')).toMatchObject({ code: 129 });
  });

  test('a stamp that is broken, newer, or of any types', async () => {
    const { root, file } = withFile('torch/legacy.pt');
    const beside = `${file}.provenance.json`;
    const { stamp: made } = await stamp(file, { dir: root });
    for (const text of ['', '[]', '{"schema":"x"}']) {
      writeFileSync(beside, text);
      expect(await printed(READ, 'read', file)).toMatchObject({ code: 6 });
    }
    writeFileSync(beside, '{"schema":"git-theta/provenance/2","git":{}}');
    expect(await printed(READ, 'read', file)).toMatchObject({ code: 6 });
    for (const odd of [7, 'x', [], { a: 1 }, null, true]) {
      const git = Object.fromEntries(Object.keys(made.git).map((key) => [key, odd]));
      const rest = Object.keys(made).map((key) => [key, odd]);
      writeFileSync(
        beside,
        JSON.stringify({ ...Object.fromEntries(rest), schema: made.schema, git }),
      );
      await printed(READ, 'read', file);
      const { document } = await printed(VERIFY, 'verify', file, '--dir', root);
      expect(document.commit).toBe(odd === 'x' ? 'x' : null);
    }
  });

  test('what the library returns fits, too', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    fits(READ, await readStamp(file));
    await stamp(file, { dir: root });
    fits(READ, await readStamp(file));
    fits(VERIFY, await verifyStamp(file, { dir: root }));
  });
});

describe('stamps', () => {
  test.each(Object.keys(STATES))('of the state: %s', async (state) => {
    const { root, file } = withFile('safetensors/bf16.safetensors');
    STATES[state]?.(root);
    fitsClosely((await stamp(file, { dir: root })).stamp);
  });

  test('of a repository without commits, with submodules, with a remote, in CI, and of none', async () => {
    const unborn = folder();
    run(unborn, 'init', '-q');
    const file = copyOf(unborn, 'numpy/plain.npy');
    fitsClosely((await stamp(file, { dir: unborn })).stamp);
    const root = withSubmodule();
    write(root, 'sub/train.py', 'x');
    run(root, 'remote', 'add', 'origin', 'https://me:secret@example.invalid/code.git');
    run(root, 'update-ref', 'refs/remotes/origin/main', 'HEAD');
    run(root, 'branch', '-q', '--set-upstream-to=origin/main');
    const ci = {
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'a/b',
      GITHUB_REF_NAME: 'main',
      GITHUB_SHA: 'c'.repeat(40),
      GITHUB_RUN_ID: '7',
      GIT_THETA_GIT_COMMIT: 'd'.repeat(40),
    };
    Object.assign(process.env, ci);
    try {
      const { git } = (await stamp(file, { dir: root })).stamp;
      expect(git).toMatchObject({
        repo: 'https://example.invalid/code.git',
        submodules: [{ dirty: true }],
        upstream: { ref: 'origin/main', ahead: 0, behind: 0 },
        ci: { system: 'github' },
      });
      fitsClosely((await stamp(file, { dir: root, dryRun: true })).stamp);
      const stated = await stamp(file, { dir: folder(), dryRun: true });
      expect(stated.stamp.git.source).toBe('env');
      fitsClosely(stated.stamp);
    } finally {
      for (const name of Object.keys(ci)) delete process.env[name];
    }
  });

  test('with a snapshot, and with code paths', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    run(root, 'config', '--add', 'theta.provenance.codePath', 'lib');
    run(root, 'config', '--add', 'theta.provenance.codePath', 'nowhere');
    write(root, 'train.py', 'print(2)\n');
    const { stamp: made } = await stamp(file, { dir: root, snapshot: true });
    expect(made).toMatchObject({
      changes: { snapshot_ref: expect.any(String) },
      code_paths: { lib: expect.any(String), nowhere: 'missing' },
    });
    fitsClosely(made);
  });

  test('of a run: while it goes on, and after it', async () => {
    const root = training();
    const during = `copy(TORCH, 'a.pt'); await until(() => stamped('a.pt')); copy(SAFETENSORS, 'b.safetensors')`;
    await train(root, during);
    const [early, late] = await Promise.all(
      ['a.pt', 'b.safetensors'].map(async (name) => (await readStamp(join(root, name))).stamp),
    );
    expect(early?.run).toMatchObject({ command: expect.any(Array), start_state: {} });
    expect(early?.run?.ended).toBeUndefined();
    expect(late?.run).toMatchObject({ ended: expect.any(String), changed_during_run: false });
    fitsClosely(early);
    fitsClosely(late);
  });

  (python ? test : test.skip)('of the Python callback', async () => {
    const root = project();
    const script = `
import json, sys
sys.path[:0] = sys.argv[1:3]
import git_theta_callback, lightning_stand_in
callback = git_theta_callback.GitCommitCallback(git_dir=sys.argv[3])
trainer = lightning_stand_in.Trainer(callback)
checkpoint = {"callbacks": {}}
trainer.run("fit", during=lambda: callback.on_save_checkpoint(trainer, None, checkpoint))
print(json.dumps(checkpoint["git_theta_provenance"]))
`;
    const folders = ['src', 'tests'].map((name) => join(CHECKOUT, 'python', name));
    const theirs = () =>
      JSON.parse(
        execFileSync(python ?? '', ['-B', '-W', 'ignore', '-c', script, ...folders, root], {
          encoding: 'utf8',
          env: process.env,
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      );
    fitsClosely(theirs());
    write(root, 'train.py', 'print(2)\n');
    write(root, 'new.py', 'print(3)\n');
    fitsClosely(theirs());
    commit(root, 'second');
    run(root, 'checkout', '-q', '--detach');
    fitsClosely(theirs());
  });
});

describe('the schemas refuse', () => {
  test('a stamp with values of another type', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    const { stamp: made } = await stamp(file, { dir: root, dryRun: true });
    const refuses = (change: object) => {
      expect(STAMP({ ...made, ...change })).toBe(false);
      return STAMP.errors?.[0]?.instancePath;
    };
    const git = (change: object) => ({ git: { ...made.git, ...change } });
    expect(refuses(git({ commit: 7 }))).toBe('/git/commit');
    expect(refuses(git({ commit: 'main' }))).toBe('/git/commit');
    expect(refuses(git({ commit: made.git.commit?.slice(1) }))).toBe('/git/commit');
    expect(refuses(git({ dirty_kinds: ['other'] }))).toBe('/git/dirty_kinds/0');
    expect(refuses({ git: null })).toBe('/git');
    expect(refuses({ schema: 'git-theta/provenance/2' })).toBe('/schema');
    expect(refuses({ stamped_at: 'yesterday' })).toBe('/stamped_at');
    expect(refuses({ content: { ...made.content, tensor_root: 'x' } })).toBe(
      '/content/tensor_root',
    );
    expect(refuses({ compat: { git_status: {} } })).toBe('/compat/git_status');
    // Readers ignore what they do not know.
    fits(STAMP, { ...made, ...git({ more: 1 }), more: { a: [] } });
    fits(STAMP, { schema: made.schema, git: {} });
    expect(CLOSED_STAMP({ ...made, more: 1 })).toBe(false);
  });

  test('reports with more, less or other than there is', async () => {
    const { root, file } = withFile('torch/state_dict.pt');
    await stamp(file, { dir: root });
    const read = await readStamp(file);
    const verified = await verifyStamp(file, { dir: root });
    for (const [validate, report] of [
      [READ, read],
      [VERIFY, verified],
    ] as const) {
      fits(validate, report);
      expect(validate({ ...report, more: 1 })).toBe(false);
      for (const name of Object.keys(report)) {
        const { [name as keyof typeof report]: _, ...less } = report;
        expect([name, validate(less)]).toEqual([name, false]);
        expect([name, validate({ ...report, [name]: 7 })]).toEqual([name, false]);
      }
    }
    const [first, ...rest] = verified.results;
    expect(VERIFY({ ...verified, results: [{ ...first, more: 1 }, ...rest] })).toBe(false);
    expect(VERIFY({ ...verified, results: [{ ...first, result: 'fine' }, ...rest] })).toBe(false);
    expect(READ({ ...read, six: { ...read.six, more: 1 } })).toBe(false);
    expect(READ({ ...read, foreign: [{ source: 'x', at: 'y' }] })).toBe(false);
  });
});
