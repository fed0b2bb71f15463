/** Training, for tests: a project, and a command that is a script of Node. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunOptions, type RunReport, run } from '../../../src/provenance/running';
import type { Stamp } from '../../../src/provenance/stamp';
import { readStamp } from '../../../src/provenance/stamping';
import { FIXTURES } from '../../support/scratch';
import { commit, folder, run as git, project, write } from './git-repositories';

export { commit, folder, git, project, write };

export const posix = process.platform !== 'win32';

/** A checkpoint of the fixtures. */
export const fixture = (name: string): string => join(FIXTURES, name);
export const TORCH = fixture('torch/t5ish.pt');
export const SAFETENSORS = fixture('safetensors/t5ish.safetensors');

/** A project that ignores what training writes, and has one old checkpoint. */
export function training(): string {
  const root = project();
  write(root, '.gitignore', '*.pt\n*.bin\n*.safetensors\n*.gguf\n*.onnx\n*.log\nvenv\n');
  write(root, 'old.pt', readFileSync(TORCH));
  commit(root, 'ignore checkpoints');
  return root;
}

/** What a script can use: `copy`, and `until`, which waits for what is true some time, at most for a minute. */
const PRELUDE = `
const fs = require('node:fs');
const copy = (from, to) => fs.copyFileSync(from, to);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const stamped = (path) => fs.existsSync(path) && fs.readFileSync(path).includes('.git_theta/stamp.json');
const until = async (test) => {
  for (let n = 0; !test(); n++) {
    if (n > 3000) process.exit(99);
    await sleep(20);
  }
};
const TORCH = ${JSON.stringify(TORCH)};
const SAFETENSORS = ${JSON.stringify(SAFETENSORS)};
`;

/** The words of a command that runs a script. */
export function script(body: string, ...args: string[]): string[] {
  const whole = `${PRELUDE}(async () => {${body}})();`;
  return [process.execPath, '-e', whole, '--', ...args];
}

/** Runs a script in a project, with looks that follow fast. */
export function train(dir: string, body: string, options: RunOptions = {}): Promise<RunReport> {
  return run(script(body), { dir, interval: 20, ...options });
}

/** The stamp of a file, which has to be there. */
export async function stampOf(root: string, name: string): Promise<Stamp> {
  const { stamp } = await readStamp(join(root, name));
  if (!stamp) throw new Error(`${name} has no stamp`);
  return stamp;
}

/** The fates of the files of a run, by name. */
export function fates(root: string, { files }: RunReport): Record<string, string> {
  return Object.fromEntries(
    files.map(({ path, result }) => [path.slice(root.length + 1), result] as const),
  );
}
