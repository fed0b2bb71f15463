/** The options that choose a file of git's configuration, as `git config` has them. */
import { resolve } from 'node:path';
import type { ConfigScope } from '../git/config';
import type { OptionDefinition } from './command';

const NAMES = ['global', 'local', 'system', 'worktree', 'file'] as const;

function scopeOption(flags: string, name: (typeof NAMES)[number], where: string): OptionDefinition {
  const conflicts = NAMES.filter((other) => other !== name);
  return { flags, summary: where, conflicts };
}

/** The five options; without any of them it is `--global`. */
export const scopeOptions: readonly OptionDefinition[] = [
  scopeOption('--global', 'global', "The user's configuration, for all repositories (default)."),
  scopeOption('--local', 'local', 'The configuration of this repository, and its hooks.'),
  scopeOption('--system', 'system', 'The configuration of this machine.'),
  scopeOption('--worktree', 'worktree', 'The configuration of this work tree.'),
  scopeOption('--file <path>', 'file', 'A configuration file.'),
];

/** What commander makes of them. */
export interface ScopeOptions {
  readonly global?: true;
  readonly local?: true;
  readonly system?: true;
  readonly worktree?: true;
  readonly file?: string;
}

/** The chosen scope. */
export function chosenScope(options: ScopeOptions): ConfigScope {
  if (options.file !== undefined) return { file: resolve(options.file) };
  if (options.local) return 'local';
  if (options.system) return 'system';
  return options.worktree ? 'worktree' : 'global';
}
