/** How the commands that set things up tell what they changed. */
import type { ConfigChange } from '../../config/install';
import type { HookReport } from '../../git/hooks';
import { print, visible, warn } from './output';

/** One line per key, as `+ key = value`, `- key = value`. */
export function printChanges(changes: readonly ConfigChange[]): void {
  for (const { key, before, after } of changes) {
    if (before !== undefined) print(`- ${key} = ${visible(before)}`);
    if (after !== undefined) print(`+ ${key} = ${visible(after)}`);
  }
}

/** Warns about hooks that are not wired, with the line to add. */
export function warnHooks(hooks: readonly HookReport[]): void {
  for (const { name, path, action, wired, line } of hooks) {
    if (wired || (action !== 'outside' && action !== 'special')) continue;
    warn(
      `the hook ${name} was not installed: ${path} is managed by something else`,
      `Add this line to it: ${line}`,
    );
  }
}

/** The part of a hook's report that JSON documents have. */
export function hookDocument({ name, path, state, action, line }: HookReport): object {
  return { name, path, state, action, line };
}
