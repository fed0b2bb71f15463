/**
 * Checks that git calls our hooks, whoever manages the folder that it takes them from.
 *
 * husky points `core.hooksPath` elsewhere, so the line goes into its files. lefthook writes its own
 * hooks over others and calls only what its configuration names. The pre-commit framework runs
 * the hooks it finds, and ours runs the ones it finds: nothing to do there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HookReport, hooksPath, inspectHooks } from '../../git/hooks';
import type { Repository } from '../../git/repository';
import { type Check, ok, warning } from './check';

const LEFTHOOK_FILES = ['lefthook', '.lefthook'].flatMap((name) =>
  ['yml', 'yaml', 'toml', 'json'].map((extension) => `${name}.${extension}`),
);

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Whether a hook is one of lefthook's. */
function isLefthook({ state, path }: HookReport): boolean {
  return state === 'foreign' && /\blefthook\b/.test(textOf(path));
}

function checkLefthook(repo: Repository, { name }: HookReport): Check[] {
  const call = `git theta hook ${name}`;
  const configured = LEFTHOOK_FILES.some((file) =>
    textOf(join(repo.workTree, file)).includes(call),
  );
  if (configured) return [];
  const line = `${name}: {commands: {git-theta: {run: "${call} {0}", use_stdin: true}}}`;
  const message = `lefthook manages the hook ${name} and does not call git-theta.`;
  return [warning(`hook-${name}`, message, `Add to lefthook.yml: ${line}`)];
}

function checkHook(repo: Repository, own: boolean, report: HookReport): Check[] {
  const { name, path, state, wired, line } = report;
  if (wired) return [];
  if (isLefthook(report)) return checkLefthook(repo, report);
  const id = `hook-${name}`;
  if (!own) {
    const message = `The hook ${name} at ${path} does not call git-theta.`;
    return [warning(id, message, `Add to it: ${line}`)];
  }
  const what = state === 'outdated' ? 'is outdated' : 'is not installed';
  return [warning(id, `The hook ${name} ${what}.`, 'git theta install --local')];
}

/** One finding per hook that is not called; one good one when all are. */
export async function checkHooks(repo: Repository): Promise<Check[]> {
  const { own } = await hooksPath(repo);
  const reports = await inspectHooks(repo);
  const checks = reports.flatMap((report) => checkHook(repo, own, report));
  return checks.length > 0 ? checks : [ok('hooks', 'All hooks call git-theta.')];
}
