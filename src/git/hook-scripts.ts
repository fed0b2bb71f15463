/**
 * The text of hooks: ours, and how to tell whose a hook is.
 *
 * A hook of ours is a POSIX script that runs, in this order: the hook that was here before (kept beside it), Git LFS's
 * part where Git LFS has one, and our command. Each gets the same arguments and input, and a failure of one is the
 * hook's failure.
 */

export const HOOKS = [
  'pre-commit',
  'post-commit',
  'pre-push',
  'post-checkout',
  'post-merge',
  'post-rewrite',
] as const;
export type HookName = (typeof HOOKS)[number];

/** What is at a hook's place. */
export type HookState = 'absent' | 'ours' | 'outdated' | 'lfs' | 'foreign';

/** Added to the name of a hook that ours runs first. */
export const CHAINED = '.git-theta-chained';

const MARK = '# git-theta hook';
/** Starts the lines of Git LFS's hook in the hook of ours that took its place. */
const QUOTE = '#| ';

/** Hooks of Git LFS that ours has to run. Its `pre-push` is part of our command, which must know whether it worked. */
const LFS_PARTS: ReadonlySet<HookName> = new Set(['post-commit', 'post-checkout', 'post-merge']);
const WITH_INPUT: ReadonlySet<HookName> = new Set(['pre-push', 'post-rewrite']);
const BLOCKING: ReadonlySet<HookName> = new Set(['pre-commit', 'pre-push']);

/** The line that makes another hook do what ours does. */
export function hookLine(name: HookName): string {
  return `git theta hook ${name} "$@"`;
}

/** Our hook. `replaced`: Git LFS's hook whose place it took; ours quotes it, and removing ours brings it back. */
export function hookScript(name: HookName, replaced: string | null): string {
  const input = WITH_INPUT.has(name);
  const feed = input ? `printf '%s' "\${input%.}" | ` : '';
  const lines = [
    '#!/bin/sh',
    `${MARK}: written by 'git theta install', removed by 'git theta uninstall'`,
  ];
  for (const line of replaced?.split('\n') ?? []) lines.push(QUOTE + line);
  if (input) lines.push('input=$(cat; echo .)');
  lines.push(
    `chained="\${0%/*}/${name}${CHAINED}"`,
    'if [ -x "$chained" ]; then',
    `  ${feed}"$chained" "$@" || exit $?`,
    'fi',
  );
  if (LFS_PARTS.has(name)) {
    lines.push(
      'if command -v git-lfs >/dev/null 2>&1; then',
      `  git lfs ${name} "$@" || exit $?`,
      'fi',
    );
  }
  const outcome = BLOCKING.has(name) ? 'this repository needs it' : 'checkpoints were not updated';
  lines.push(
    // An installation off the PATH is known to git as an alias.
    'command -v git-theta >/dev/null 2>&1 || git config alias.theta >/dev/null || {',
    `  echo >&2 "error: git-theta was not found on your path; ${outcome}"`,
    '  exit 2',
    '}',
    `${feed}${hookLine(name)}`,
  );
  return `${lines.join('\n')}\n`;
}

/** Whether a hook is exactly one that some version of Git LFS wrote: a check that it is there, and one command. */
function isLfsHook(name: HookName, text: string): boolean {
  const lines = text.split('\n').map((line) => line.trim());
  const [shell, check, command, ...more] = lines.filter((line) => line !== '');
  return (
    more.length === 0 &&
    /^#! ?\/bin\/sh$/.test(shell ?? '') &&
    /^command -v git-lfs >\/dev\/null 2>&1 \|\| \{ .*exit 2; \}$/.test(check ?? '') &&
    (command === `git lfs ${name} "$@"` || command === `git-lfs ${name} "$@"`)
  );
}

/** The hook of Git LFS whose place a hook of ours took, or null. */
export function replacedHook(text: string): string | null {
  const quoted = text.split('\n').filter((line) => line.startsWith(QUOTE));
  return quoted.length === 0 ? null : quoted.map((line) => line.slice(QUOTE.length)).join('\n');
}

/** Whose a hook is. */
export function classifyHook(name: HookName, text: string): Exclude<HookState, 'absent'> {
  if (text.split('\n', 2)[1]?.startsWith(MARK)) {
    return text === hookScript(name, replacedHook(text)) ? 'ours' : 'outdated';
  }
  return isLfsHook(name, text) ? 'lfs' : 'foreign';
}
