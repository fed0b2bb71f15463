/**
 * Which git command waits for this filter.
 *
 * In: the processes above this one. Out: the command's name (`checkout`, `merge`, …), or null where that cannot be
 * known: the system has no `/proc`, an alias stands in the command line, the parent is not git. Whoever asks must have
 * an answer for null that is right for every command.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Options of git itself whose value is the next word. */
const WITH_VALUE = new Set([
  '-C',
  '-c',
  '--git-dir',
  '--work-tree',
  '--namespace',
  '--super-prefix',
  '--config-env',
  '--attr-source',
]);

/** A shell stands between git and its filter, unless it became the filter. */
const SHELLS = new Set(['sh', 'dash', 'bash', 'busybox', 'ash', 'ksh', 'zsh']);
const MAX_SHELLS = 2;

/** The git command above this process. */
export function callingCommand(parent = process.ppid): string | null {
  let pid = parent;
  for (let shells = 0; shells <= MAX_SHELLS; shells++) {
    const words = commandLine(pid);
    const program = basename(words[0] ?? '').replace(/^-/, '');
    if (program === 'git') return commandOf(words);
    if (!SHELLS.has(program)) return null;
    pid = parentOf(pid);
  }
  return null;
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The field after the state; the name before it may have any characters. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/** The first word of git's command line that is no option of git itself. */
export function commandOf(words: readonly string[]): string | null {
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) return word;
    if (WITH_VALUE.has(word)) at++;
  }
  return null;
}
