import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { install } from '../../../src/config/install';
import { defineMacro, macroFile, macroIn, removeMacro } from '../../../src/config/store-macro';
import { uninstall } from '../../../src/config/uninstall';
import { Repository } from '../../../src/git/repository';
import { STORE_ATTRIBUTES, STORE_MACRO } from '../../../src/store/attributes';
import { Scratch } from './scratch';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
  scratch.repository();
});
afterEach(() => scratch.dispose());

const filterOf = (path: string) =>
  scratch.git(['check-attr', 'filter', path]).trim().split(': ')[2];

test('install gives store files to our filter, uninstall gives them back to Git LFS', async () => {
  scratch.write('.git_theta/.gitattributes', STORE_ATTRIBUTES);
  expect(filterOf('.git_theta/m.pt/w/c.0')).toBe('lfs');
  await install();
  expect(filterOf('.git_theta/m.pt/w/c.0')).toBe('theta-store');
  expect(filterOf('.git_theta/.gitattributes')).toBe('unspecified');
  await uninstall();
  expect(filterOf('.git_theta/m.pt/w/c.0')).toBe('lfs');
});

test('the macro of a scope of the repository is in its own attributes', async () => {
  await install({ scope: 'local' });
  expect(readFileSync('.git/info/attributes', 'utf8')).toBe(`${STORE_MACRO}\n`);
  expect(existsSync(join(scratch.home, '.config/git/attributes'))).toBe(false);
  await uninstall({ scope: 'local' });
  expect(readFileSync('.git/info/attributes', 'utf8')).toBe('');
});

test('the attributes file that git is configured for is taken, and the rest of it kept', async () => {
  scratch.git(['config', '--global', 'core.attributesFile', '~/mine']);
  const file = join(scratch.home, 'mine');
  scratch.write(file, '*.txt text\n[attr]theta-store filter=other\n# end');
  expect(await macroFile('global')).toBe(file);
  await install();
  expect(readFileSync(file, 'utf8')).toBe(`*.txt text\n# end\n${STORE_MACRO}\n`);
  expect((await install()).changes).toEqual([]);
  await uninstall();
  expect(readFileSync(file, 'utf8')).toBe('*.txt text\n# end\n');
});

test('bytes that are no UTF-8, and line ends, stay as they are', () => {
  const file = join(scratch.root, 'attributes');
  const before = Buffer.from('caf\xe9.txt text\r\n', 'latin1');
  scratch.write(file, before);
  defineMacro(file);
  expect(readFileSync(file)).toEqual(Buffer.concat([before, Buffer.from(`${STORE_MACRO}\n`)]));
  removeMacro(file);
  expect(readFileSync(file)).toEqual(before);
});

test('without a file there is no macro, and removing it is no error', async () => {
  const file = join(scratch.root, 'new', 'attributes');
  expect(macroIn(file)).toBeUndefined();
  defineMacro(file);
  expect(macroIn(file)).toBe(STORE_MACRO);
  removeMacro(file);
  expect(macroIn(file)).toBeUndefined();
  expect(await macroFile({ file })).toBeNull();
  const repo = await Repository.discover();
  expect(await macroFile('worktree', repo)).toBe(join(repo.commonDir, 'info', 'attributes'));
});
