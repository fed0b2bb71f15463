/** Files with stamps for tests: real ones, and ones that say what a test wants them to say. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandDefinition } from '../../../src/cli/command';
import { type StampOptions, stamp } from '../../../src/provenance/stamping';
import { CHECKOUT } from '../../support/env';
import { folder } from './git-repositories';

export const FIXTURES = join(CHECKOUT, '__test__/fixtures');

/** A stamped checkpoint outside of the repository whose code made it. */
export async function stamped(
  root: string,
  options: StampOptions = {},
  fixture = 'torch/state_dict.pt',
): Promise<string> {
  const file = join(folder(), 'model.ckpt');
  copyFileSync(join(FIXTURES, fixture), file);
  await stamp(file, { dir: root, ...options });
  return file;
}

/** A stamp in a file of its own. */
export function claim(git: object, more: object = {}): string {
  const file = join(folder(), 'stamp.json');
  writeFileSync(file, JSON.stringify({ schema: 'git-theta/provenance/1', git, ...more }));
  return file;
}

/** The six fields, as pl-git-callback logs them. */
export function log(commit_hash: string | null, more: object = {}): string {
  const file = join(folder(), 'git_info.json');
  const six = JSON.parse(readFileSync(join(FIXTURES, 'lightning/git_info.json'), 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...six, commit_hash, ...more }));
  return file;
}

/** Runs a command: exit code, and what it prints on both outputs. */
export async function call(
  command: CommandDefinition,
  args: string[],
  options: Record<string, unknown>,
): Promise<{ code: number | undefined; out: string }> {
  let out = '';
  const keep = (text: string | Uint8Array) => {
    out += text.toString();
    return true;
  };
  const spies = [
    jest.spyOn(process.stdout, 'write').mockImplementation(keep),
    jest.spyOn(process.stderr, 'write').mockImplementation(keep),
  ];
  try {
    const code = await command.run({ args, options, signal: new AbortController().signal });
    return { code, out };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
