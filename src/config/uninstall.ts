/**
 * `git theta uninstall`: the opposite of install, for the same scopes.
 *
 * Only values that git-theta has written are removed, and hooks that stood there before come back.
 * Git LFS stays as it is: other repositories may need it.
 */
import { type ConfigScope, getAllConfig, unsetConfig } from '../git/config';
import { type HookReport, uninstallHooks } from '../git/hooks';
import { Repository } from '../git/repository';
import { type ConfigChange, isRepositoryScope, scopeName } from './install';
import { macroFile, macroIn, removeMacro } from './store-macro';
import { type ConfigValue, isOurs, thetaKeys } from './values';

/** What was done. */
export interface UninstallReport {
  readonly scope: string;
  readonly changes: readonly ConfigChange[];
  /** Values that are not ours and stayed. */
  readonly kept: readonly ConfigValue[];
  readonly hooks: readonly HookReport[];
}

/** Uninstalls, or with `dryRun` finds out what that would remove. */
export async function uninstall(
  options: { readonly scope?: ConfigScope; readonly dryRun?: boolean } = {},
): Promise<UninstallReport> {
  const scope = options.scope ?? 'global';
  const repo = isRepositoryScope(scope) ? await Repository.discover() : undefined;
  const changes: ConfigChange[] = [];
  const kept: ConfigValue[] = [];
  const present = new Map<string, string[]>();
  for (const key of thetaKeys()) present.set(key, await getAllConfig(key, { scope }));

  // `required` says whose it is only by the filter beside it.
  const foreignFilters = new Set(
    [...present]
      .filter(([key, values]) => values.some((value) => !isOurs({ key, value })))
      .map(([key]) => `${key.slice(0, key.lastIndexOf('.'))}.required`),
  );
  for (const [key, values] of present) {
    const before = values.at(-1);
    if (before === undefined) continue;
    const foreign = values.some((value) => !isOurs({ key, value }));
    if (foreign || foreignFilters.has(key)) {
      kept.push({ key, value: before });
      continue;
    }
    changes.push({ key, before });
    if (!options.dryRun) await unsetConfig(key, { scope });
  }
  const file = await macroFile(scope, repo);
  const macro = file === null ? undefined : macroIn(file);
  if (file !== null && macro !== undefined) {
    changes.push({ key: file, before: macro });
    if (!options.dryRun) removeMacro(file);
  }
  const hooks = repo && !options.dryRun ? await uninstallHooks(repo) : [];
  return { scope: scopeName(scope), changes, kept, hooks };
}
