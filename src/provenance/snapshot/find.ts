/**
 * Snapshots that are here.
 *
 * In: an id, a ref, a commit, or the beginning of an id or commit that no other has. Out: the snapshot, and what its
 * message says was left out. Refused: a name of another form, one that fits none or several, and a commit that is no
 * snapshot.
 */
import { ThetaError } from '../../errors';
import { type OpenRepository, openRepository } from '../open';
import { type LeftOut, parseMessage } from './left-out';

/** Where snapshots are. */
export const NAMESPACE = 'refs/theta/snapshots/';

/** A snapshot as the list of all has it. */
export interface ListedSnapshot {
  /** The last part of its ref: the beginning of its commit. */
  readonly id: string;
  readonly ref: string;
  readonly commit: string;
  readonly tree: string;
  /** What HEAD was; `null` when there was no commit. */
  readonly parent: string | null;
  /** The date of that commit, in seconds since 1970. */
  readonly date: number;
}

/** A snapshot. */
export interface Snapshot extends ListedSnapshot {
  /** What is not in its tree. */
  readonly leftOut: readonly LeftOut[];
}

const LARGEST_MESSAGE = 64 * 1024 * 1024;
const FORMAT = '%(refname) %(objecttype) %(objectname) %(tree) %(committerdate:unix) %(parent)';

/** All snapshots of an open repository, in the order of their dates. */
export async function snapshotsOf({ ask }: OpenRepository): Promise<ListedSnapshot[]> {
  const { text } = await ask([
    'for-each-ref',
    '--sort=committerdate',
    `--format=${FORMAT}`,
    NAMESPACE,
  ]);
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, type]) => type === 'commit')
    .map(([ref = '', , commit = '', tree = '', date, parent]) => ({
      id: ref.slice(NAMESPACE.length),
      ref,
      commit,
      tree,
      parent: parent || null,
      date: Number(date),
    }));
}

/**
 * All snapshots of a repository, the oldest first.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_GIT`
 */
export async function listSnapshots(
  o: { readonly dir?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<ListedSnapshot[]> {
  return snapshotsOf(await openRepository(o.dir, o.signal));
}

/**
 * The one snapshot that `name` fits.
 *
 * @throws ThetaError `ERR_THETA_NOT_FOUND`; `ERR_THETA_USAGE` when it fits several, or is no name;
 *   `ERR_THETA_PROVENANCE_UNSUPPORTED` when it cannot be understood.
 */
export async function findSnapshot(repo: OpenRepository, name: string): Promise<Snapshot> {
  const wanted = name.startsWith(NAMESPACE) ? name.slice(NAMESPACE.length) : name.toLowerCase();
  if (!/^[0-9a-f]{4,64}$/.test(wanted))
    throw new ThetaError('ERR_THETA_USAGE', `'${name}' is no name of a snapshot`, {
      hint: 'A snapshot is named by its id, of which 4 digits are enough, its ref, or its commit.',
    });
  const all = await snapshotsOf(repo);
  const fitting = all.filter(
    ({ id, commit }) => id.startsWith(wanted) || commit.startsWith(wanted),
  );
  const commits = new Set(fitting.map(({ commit }) => commit));
  if (commits.size > 1)
    throw new ThetaError('ERR_THETA_USAGE', `'${name}' fits several snapshots`, {
      hint: [...commits].slice(0, 10).join('\n'),
    });
  const [found] = fitting;
  if (!found)
    throw new ThetaError('ERR_THETA_NOT_FOUND', `there is no snapshot '${name}' here`, {
      hint: `\`git theta provenance snapshot --list\` lists those that are here. To get those of a remote:
git fetch origin '${NAMESPACE}*:${NAMESPACE}*'`,
    });
  return { ...found, leftOut: await leftOutOf(repo, found.commit) };
}

async function leftOutOf({ ask }: OpenRepository, commit: string): Promise<LeftOut[]> {
  const { text: size } = await ask(['cat-file', '-s', commit]);
  const bad = (why: string): ThetaError =>
    new ThetaError('ERR_THETA_PROVENANCE_UNSUPPORTED', `${commit}: ${why}`);
  if (Number(size) > LARGEST_MESSAGE) throw bad('its message is too large to be of a snapshot');
  const { text } = await ask(['cat-file', 'commit', commit]);
  const leftOut = parseMessage(text.slice(text.indexOf('\n\n') + 2));
  if (!leftOut) throw bad('is no snapshot that git-theta made');
  return leftOut;
}
