// Store files beside another command that writes the same ones.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { type LinkMode, WorkTreeFiles } from '../../../src/store/work-tree';
import { folder, write } from '../git/tmp';

const PATH = '.git_theta/model.pt/weight/c.0';

/** Real calls; a test makes another process act just before one of them. */
let before: { [call: string]: () => void } = {};
jest.mock('node:fs', () => {
  const real = jest.requireActual('node:fs');
  const late = (name: string) =>
    [
      name,
      (...args: unknown[]) => {
        const act = before[name];
        delete before[name];
        act?.();
        return real[name](...args);
      },
    ] as const;
  return { ...real, ...Object.fromEntries(['linkSync', 'mkdirSync', 'unlinkSync'].map(late)) };
});

async function put(mode: LinkMode, act: (target: string) => typeof before): Promise<string> {
  const root = folder();
  const object = join(root, 'object');
  write(root, 'object', 'new');
  const target = join(root, PATH);
  fs.mkdirSync(join(root, '.git_theta/model.pt'), { recursive: true });
  before = act(target);
  await new WorkTreeFiles(root, mode, join(root, 'pins')).put(PATH, object);
  expect(before).toEqual({});
  return fs.readFileSync(target, 'utf8');
}

test('a file that appears before ours is linked is replaced', async () => {
  const linkSync = (target: string) => () => fs.writeFileSync(target, 'of another');
  expect(await put('hard', (target) => ({ linkSync: linkSync(target) }))).toBe('new');
});

test('a folder that appears before ours is made is used', async () => {
  const mkdirSync = (target: string) => () => fs.mkdirSync(join(target, '..'));
  expect(await put('copy', (target) => ({ mkdirSync: mkdirSync(target) }))).toBe('new');
});

test('a folder that goes before the file is linked is made again', async () => {
  const linkSync = (target: string) => () => fs.rmSync(join(target, '..'), { recursive: true });
  expect(await put('hard', (target) => ({ linkSync: linkSync(target) }))).toBe('new');
});

test('a file that goes before ours replaces it is not missed', async () => {
  const act = (target: string) => {
    fs.mkdirSync(join(target, '..'));
    fs.writeFileSync(target, 'old');
    return { unlinkSync: () => fs.rmSync(target) };
  };
  expect(await put('hard', act)).toBe('new');
});

test('an object that is not there is an error', async () => {
  const root = folder();
  const files = new WorkTreeFiles(root, 'hard', join(root, 'pins'));
  await expect(files.put(PATH, join(root, 'object'))).rejects.toThrow(/ENOENT.*object/);
});
