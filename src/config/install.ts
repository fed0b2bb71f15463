/**
 * `git theta install`: Git LFS and our filters and merge drivers in one file of git's configuration, and the macro for
 * store files in the attributes file beside it.
 *
 * In: the scope. Out: what was changed, key by key. Running it again changes nothing. Refused: a
 * git or Git LFS that is missing or too old, and values that are not ours, unless forced.
 */
import { ThetaError } from '../errors';
import { type ConfigScope, getAllConfig, setConfig, unsetConfig } from '../git/config';
import { type HookReport, installHooks } from '../git/hooks';
import { Repository } from '../git/repository';
import { git } from '../git/run';
import { STORE_MACRO } from '../store/attributes';
import { findProgram, isLasting } from './programs';
import { defineMacro, macroFile, macroIn } from './store-macro';
import { requireTools } from './tools';
import { type ConfigValue, isOurs, lfsValues, thetaKeys, thetaValues } from './values';

/** How to install. */
export interface InstallOptions {
  readonly scope?: ConfigScope;
  /** Leave checkpoints and their tensors as texts on checkout. */
  readonly skipSmudge?: boolean;
  /** Replace values that are not ours. */
  readonly force?: boolean;
  /** Paths instead of names; decided by what is on the PATH when it is not given. */
  readonly absolute?: boolean;
  readonly dryRun?: boolean;
}

/** A key that is, or would be, changed; for the attribute macro, the file that its line is in. */
export interface ConfigChange {
  readonly key: string;
  /** Absent when there was no value. */
  readonly before?: string;
  /** Absent when the key was removed. */
  readonly after?: string;
}

/** What was done. */
export interface InstallReport {
  readonly scope: string;
  readonly changes: readonly ConfigChange[];
  /** Hooks of the repository; none where the scope is not one repository. */
  readonly hooks: readonly HookReport[];
  readonly absolute: boolean;
  /** The programs are not on the PATH, so paths were written although nobody asked for them. */
  readonly notOnPath: boolean;
}

/** `global`, `local`, … or the file's name. */
export function scopeName(scope: ConfigScope): string {
  return typeof scope === 'string' ? scope : scope.file;
}

/** Whether a scope belongs to one repository. */
export function isRepositoryScope(scope: ConfigScope): boolean {
  return scope === 'local' || scope === 'worktree';
}

/** The wanted values that are not there yet. */
async function pending(
  values: readonly ConfigValue[],
  scope: ConfigScope,
): Promise<ConfigChange[]> {
  const changes: ConfigChange[] = [];
  for (const { key, value } of values) {
    const present = await getAllConfig(key, { scope });
    if (present.length === 1 && present[0] === value) continue;
    const before = present.at(-1);
    changes.push({ key, ...(before !== undefined && { before }), after: value });
  }
  return changes;
}

/** Values of ours that another way of installing has written and this one does not want. */
async function obsolete(
  wanted: readonly ConfigValue[],
  scope: ConfigScope,
): Promise<ConfigChange[]> {
  const changes: ConfigChange[] = [];
  for (const key of thetaKeys()) {
    if (wanted.some((value) => value.key === key)) continue;
    const before = (await getAllConfig(key, { scope })).at(-1);
    if (before !== undefined && isOurs({ key, value: before })) changes.push({ key, before });
  }
  return changes;
}

function refuseForeign(changes: readonly ConfigChange[], scope: ConfigScope): void {
  for (const { key, before } of changes) {
    if (before === undefined || isOurs({ key, value: before })) continue;
    throw new ThetaError(
      'ERR_THETA_FOREIGN_CONFIG',
      `${key} is already set to '${before}' in the ${scopeName(scope)} configuration, and not by git-theta`,
      { hint: "Run 'git theta install --force' to replace it." },
    );
  }
}

async function installLfs(scope: ConfigScope, options: InstallOptions): Promise<void> {
  // The hooks of git-theta do what those of Git LFS do, and Git LFS refuses to install beside them.
  const flags = ['--skip-repo'];
  if (typeof scope === 'string' && scope !== 'global') flags.push(`--${scope}`);
  if (options.skipSmudge) flags.push('--skip-smudge');
  if (options.force) flags.push('--force');
  const { code, stdout, stderr } = await git(['lfs', 'install', ...flags], {
    check: false,
    // Git LFS before 3.5 has no --file; to it, the file is the global one.
    ...(typeof scope === 'object' && { env: { GIT_CONFIG_GLOBAL: scope.file } }),
  });
  if (code === 0) return;
  const said = (stderr.trim() || stdout.trim()).replace(/\n\s*\n/g, '\n');
  throw new ThetaError('ERR_THETA_LFS_FAILED', `'git lfs install' failed:\n${said}`, {
    hint: /--force/.test(said)
      ? "Run 'git theta install --force' to replace these values."
      : undefined,
  });
}

/** Decides between names and paths. */
async function resolvePrograms(
  asked: boolean | undefined,
): Promise<Pick<InstallReport, 'absolute' | 'notOnPath'>> {
  if (asked) return { absolute: true, notOnPath: false };
  const found = await Promise.all(
    (['git-theta', 'git-theta-filter'] as const).map((program) => findProgram(program)),
  );
  const onPath = found.every((path) => path !== undefined && isLasting(path));
  return { absolute: !onPath, notOnPath: !onPath };
}

/** Installs, or with `dryRun` finds out what that would change. */
export async function install(options: InstallOptions = {}): Promise<InstallReport> {
  const scope = options.scope ?? 'global';
  await requireTools();
  const repo = isRepositoryScope(scope) ? await Repository.discover() : undefined;
  const programs = await resolvePrograms(options.absolute);
  const { skipSmudge = false } = options;

  const wanted = thetaValues({ absolute: programs.absolute, skipSmudge });
  const own = [...(await pending(wanted, scope)), ...(await obsolete(wanted, scope))];
  if (!options.force) refuseForeign(own, scope);
  const lfs = await pending(lfsValues({ skipSmudge }), scope);
  const file = await macroFile(scope, repo);
  const macro = file === null ? undefined : macroIn(file);
  const changes = [...lfs, ...own];
  if (file !== null && macro !== STORE_MACRO) {
    changes.push({ key: file, ...(macro !== undefined && { before: macro }), after: STORE_MACRO });
  }
  if (options.dryRun) return { scope: scopeName(scope), changes, hooks: [], ...programs };

  await installLfs(scope, options);
  for (const { key, after } of own) {
    if (after === undefined) await unsetConfig(key, { scope });
    else await setConfig(key, after, { scope });
  }
  if (file !== null && macro !== STORE_MACRO) defineMacro(file);
  const hooks = repo ? await installHooks(repo) : [];
  return { scope: scopeName(scope), changes, hooks, ...programs };
}
