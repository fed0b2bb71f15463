/**
 * What `git status --porcelain=v2 -z` says.
 *
 * In: the answer, one character for each byte. Out: tracked paths that differ from HEAD, untracked paths, and how far
 * the branch is from its upstream. Refused: a kind of record that was not asked for.
 */
import { ThetaError } from '../../errors';
import { type Ask, readable, records } from './ask';

/** A tracked path that differs from HEAD. */
export interface Entry {
  /** One character for each byte. */
  readonly path: string;
  readonly conflict: boolean;
  /** How the index differs from HEAD, `.` when it does not: git's letters. */
  readonly staged: string;
  /** How the work tree differs from the index. */
  readonly unstaged: string;
  /** `N...`, or of a submodule `S` with `C`, `M`, `U`: another commit, modified and untracked files. */
  readonly submodule: string;
  /** In HEAD, the index and the work tree; only without a conflict. */
  readonly modes: readonly string[];
  /** In HEAD and the index; only without a conflict. */
  readonly ids: readonly string[];
}

/** The answer, taken apart. */
export interface Porcelain {
  /** The commit that HEAD names; null when there is none yet. */
  readonly commit: string | null;
  readonly upstream: {
    readonly ref: string;
    readonly ahead: number;
    readonly behind: number;
  } | null;
  readonly entries: readonly Entry[];
  /** One character for each byte; a repository inside ends in `/`. */
  readonly untracked: readonly string[];
}

/**
 * Asks. Renames are not looked for: that would read contents, of models too.
 */
export async function askStatus(ask: Ask): Promise<Porcelain> {
  const { text } = await ask([
    'status',
    '--porcelain=v2',
    '-z',
    '--branch',
    '--ahead-behind',
    '--untracked-files=all',
    '--no-renames',
  ]);
  return parseStatus(text);
}

/** Takes an answer apart. @throws ThetaError `ERR_THETA_PROTOCOL` */
export function parseStatus(text: string): Porcelain {
  const entries: Entry[] = [];
  const untracked: string[] = [];
  const header = new Map<string, string>();
  for (const record of records(text)) {
    const kind = record.slice(0, 2);
    if (kind === '? ') untracked.push(record.slice(2));
    else if (kind === '1 ') entries.push(ordinary(record));
    else if (kind === 'u ') entries.push(unmerged(record));
    else if (kind === '# ') {
      const [, name = '', ...rest] = record.split(' ');
      header.set(name, rest.join(' '));
    } else if (kind !== '! ')
      throw new ThetaError('ERR_THETA_PROTOCOL', `unknown record of git status: ${kind.trim()}`);
  }
  const oid = header.get('branch.oid') ?? '';
  return {
    commit: /^[0-9a-f]+$/.test(oid) ? oid : null,
    upstream: upstream(header),
    entries,
    untracked,
  };
}

/** `count` fields, then a path, in which there may be spaces. */
function fields(record: string, count: number): string[] {
  const all = record.split(' ');
  return [...all.slice(0, count), all.slice(count).join(' ')];
}

function ordinary(record: string): Entry {
  const [, state = '..', submodule = 'N...', head, index, tree, headId, indexId, path] = fields(
    record,
    8,
  );
  return {
    path: path ?? '',
    conflict: false,
    staged: state.charAt(0),
    unstaged: state.charAt(1),
    submodule,
    modes: [head ?? '', index ?? '', tree ?? ''],
    ids: [headId ?? '', indexId ?? ''],
  };
}

function unmerged(record: string): Entry {
  const all = fields(record, 10);
  const [state = '..', submodule = 'N...'] = all.slice(1);
  return {
    path: all[10] ?? '',
    conflict: true,
    staged: state.charAt(0),
    unstaged: state.charAt(1),
    submodule,
    modes: [],
    ids: [],
  };
}

function upstream(header: ReadonlyMap<string, string>): Porcelain['upstream'] {
  const counts = /^\+(\d+) -(\d+)$/.exec(header.get('branch.ab') ?? '');
  const ref = header.get('branch.upstream');
  // Without counts the upstream is configured and not there.
  if (!counts || ref === undefined) return null;
  return { ref: readable(ref), ahead: Number(counts[1]), behind: Number(counts[2]) };
}
