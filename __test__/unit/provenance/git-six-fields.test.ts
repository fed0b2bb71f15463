// The six fields: written as the original writes them, read from whatever claims to be them.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gitStatusFromJson, printSixFields } from '../../../src/provenance/git';
import { folder } from './git-repositories';

const SIX = {
  empty: false,
  dirty: true,
  num_untracked_files: 2,
  commit_hash: 'a'.repeat(40),
  commit_date: 1_700_000_000,
  branch_name: 'main',
};

test('are written in their order, in ASCII', async () => {
  const { branch_name, ...rest } = SIX;
  const text = printSixFields({ branch_name: 'é', ...rest });
  expect(text).toBe(`{
  "empty": false,
  "dirty": true,
  "num_untracked_files": 2,
  "commit_hash": "${'a'.repeat(40)}",
  "commit_date": 1700000000,
  "branch_name": "\\u00e9"
}`);
  expect(await gitStatusFromJson(text)).toEqual({ ...SIX, branch_name: 'é' });
});

test('are read from a text, bytes and a file', async () => {
  const text = JSON.stringify(SIX);
  const path = join(folder(), 'git_info.json');
  writeFileSync(path, `\ufeff${text}`);
  for (const source of [text, Buffer.from(text), { path }])
    expect(await gitStatusFromJson(source)).toEqual(SIX);
});

test('are read with keys that are unknown, missing, or of another type', async () => {
  const read = (value: unknown) => gitStatusFromJson(JSON.stringify(value));
  const NONE = Object.fromEntries(Object.keys(SIX).map((name) => [name, null]));
  expect(await read({ ...SIX, more: 1 })).toEqual(SIX);
  expect(await read({ commit_hash: 'b' })).toEqual({ ...NONE, commit_hash: 'b' });
  expect(await read(NONE)).toEqual(NONE);
  const odd = {
    empty: 1,
    dirty: 'no',
    num_untracked_files: true,
    commit_hash: 7,
    commit_date: 1.5,
  };
  expect(await read({ ...odd, branch_name: ['x'] })).toEqual(NONE);
  const inherited = `{"__proto__": ${JSON.stringify(SIX)}}`;
  expect(await gitStatusFromJson(inherited)).toBeNull();
});

test.each(['', '{', 'null', '[]', '7', '{}', '{"dirty": true, "empty": false}', '"commit_hash"'])(
  'are not in %p',
  async (text) => {
    expect(await gitStatusFromJson(text)).toBeNull();
  },
);

test('are not looked for in what is too large, nested or no file', async () => {
  const dir = folder();
  const path = join(dir, 'large.json');
  writeFileSync(path, `${JSON.stringify(SIX)}${' '.repeat(2 ** 20)}`);
  await expect(gitStatusFromJson({ path })).rejects.toMatchObject({
    code: 'ERR_THETA_PROVENANCE_UNSUPPORTED',
  });
  expect(await gitStatusFromJson(`${JSON.stringify(SIX)}${' '.repeat(2 ** 20)}`)).toBeNull();
  expect(await gitStatusFromJson('['.repeat(500_000))).toBeNull();
  mkdirSync(join(dir, 'folder'));
  await expect(gitStatusFromJson({ path: join(dir, 'folder') })).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_THETA_PROVENANCE_(IO|UNSUPPORTED)$/),
  });
  symlinkSync('nowhere', join(dir, 'link'));
  await expect(gitStatusFromJson({ path: join(dir, 'link') })).rejects.toMatchObject({
    code: 'ERR_THETA_PROVENANCE_IO',
  });
});
