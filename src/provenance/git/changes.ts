/**
 * In what ways tracked files differ from HEAD.
 *
 * In: records of git status. Out: for each path the kinds of its changes. Contents are read only where a mode changed
 * in the work tree, to tell whether nothing else did.
 */
import type { DirtyKind } from '../stamp';
import type { Ask } from './ask';
import type { Entry } from './porcelain';

/** A path that differs from HEAD. */
export interface Change {
  /** One character for each byte. */
  readonly path: string;
  readonly kinds: ReadonlySet<DirtyKind>;
}

/** Untracked files inside a submodule are no change, here as in `git diff`. */
export function isChange({ staged, unstaged, submodule }: Entry): boolean {
  return !(staged === '.' && unstaged === 'M' && submodule === 'S..U');
}

/** The kinds of all changes among `entries`. */
export async function changesOf(ask: Ask, entries: readonly Entry[]): Promise<Change[]> {
  const changed = entries.filter(isChange);
  const renamed = renames(changed);
  const sameContent = await modeOnly(ask, changed);
  return changed.map((entry) => ({
    path: entry.path,
    kinds: new Set(kinds(entry, renamed.has(entry), sameContent.has(entry))),
  }));
}

function* kinds(entry: Entry, renamed: boolean, sameContent: boolean): Generator<DirtyKind> {
  const { staged, unstaged, modes, ids } = entry;
  if (entry.conflict) {
    yield 'conflict';
    return;
  }
  if (entry.submodule.startsWith('S')) {
    yield 'submodule';
    return;
  }
  if (staged === 'A') yield renamed ? 'renamed' : 'added';
  if (staged === 'D') yield renamed ? 'renamed' : 'deleted';
  if (staged === 'T' || unstaged === 'T') yield 'type';
  if (staged === 'M' && modes[0] !== modes[1]) yield 'mode';
  if (staged === 'M' && ids[0] !== ids[1]) yield 'content';
  if (unstaged === 'A') yield 'intent-to-add';
  if (unstaged === 'D') yield 'deleted';
  if (unstaged === 'M' && modes[1] !== modes[2]) yield 'mode';
  if (unstaged === 'M' && !sameContent) yield 'content';
}

/** Staged files that went away here and appeared there with the same content. */
function renames(entries: readonly Entry[]): Set<Entry> {
  const gone = new Map<string, Entry[]>();
  for (const entry of entries) {
    if (entry.conflict || entry.staged !== 'D') continue;
    const id = entry.ids[0] ?? '';
    const same = gone.get(id);
    if (same) same.push(entry);
    else gone.set(id, [entry]);
  }
  const found = new Set<Entry>();
  for (const entry of entries) {
    if (entry.conflict || entry.staged !== 'A') continue;
    const from = gone.get(entry.ids[1] ?? '')?.pop();
    if (from) found.add(from).add(entry);
  }
  return found;
}

/** Those of which only the mode changed in the work tree. */
async function modeOnly(ask: Ask, entries: readonly Entry[]): Promise<Set<Entry>> {
  const candidates = entries.filter(
    ({ conflict, unstaged, submodule, modes, path }) =>
      !conflict &&
      unstaged === 'M' &&
      submodule.startsWith('N') &&
      modes[1] !== modes[2] &&
      // git reads the names by lines.
      !/^"|[\n\r]/.test(path),
  );
  if (candidates.length === 0) return new Set();
  const input = candidates.map(({ path }) => `${path}\n`).join('');
  const { code, text } = await ask(['hash-object', '--stdin-paths'], { input, mayFail: true });
  // A file went away since: what is not known to be the same is not.
  if (code !== 0) return new Set();
  const ids = text.split('\n');
  return new Set(candidates.filter(({ ids: [, index] }, at) => ids[at] === index));
}
