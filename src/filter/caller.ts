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

/** Shells stand between git and its filter or hook, unless they became it. */
const SHELLS = new Set(['sh', 'dash', 'bash', 'busybox', 'ash', 'ksh', 'zsh']);
/** No chain of gits and shells that we know is longer. */
const MAX_ANCESTORS = 8;

/** The command lines of the gits above this process, the nearest first, as far as only shells stand between. */
function* gits(parent: number): Generator<string[], void> {
  let pid = parent;
  for (let count = 0; count < MAX_ANCESTORS; count++) {
    const words = commandLine(pid);
    const program = basename(words[0] ?? '').replace(/^-/, '');
    if (program === 'git') yield words;
    else if (!SHELLS.has(program)) return;
    pid = parentOf(pid);
  }
}

/** The git command above this process. */
export function callingCommand(parent = process.ppid): string | null {
  for (const words of gits(parent)) return commandOf(words);
  return null;
}

/** Whether a git above this process was asked to be quiet. */
export function isCallerQuiet(parent = process.ppid): boolean {
  for (const words of gits(parent)) {
    if (words.includes('-q') || words.includes('--quiet')) return true;
  }
  return false;
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
