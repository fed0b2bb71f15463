/**
 * What a file says about the code that made it, as far as git may be asked about it.
 *
 * In: a file. Out: ids that are ids in full, and text for people; whoever could write the file wrote them. What is of
 * another form is nothing. Refused: a file without a stamp, one whose stamp is damaged, and a commit that is no id.
 */
import { ThetaError } from '../../errors';
import { isObjectId } from '../open';
import type { Stamp } from '../stamp';
import { mergedVersions } from '../stamping/parents';
import { readStamp } from '../stamping/read';

/** What a file says. */
export interface Claims {
  readonly path: string;
  readonly commit: string | null;
  readonly tree: string | null;
  readonly codeTree: string | null;
  readonly authorDate: number | null;
  readonly repo: string | null;
  /** Whether code was uncommitted; of the six fields, whether anything was. `null` when it is not said. */
  readonly dirty: boolean | null;
  /** The commit of the snapshot that is named. */
  readonly snapshot: string | null;
  /** Commits of the code of the versions that were merged. */
  readonly parents: readonly string[];
  /** `null` when there are the six fields of pl-git-callback only. */
  readonly stamp: Stamp | null;
}

/** Parents that are shown. */
const MOST_PARENTS = 64;

const id = (value: unknown): string | null => (isObjectId(value) ? value : null);
const text = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;
const flag = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);

function parentsOf(stamp: Stamp | null): string[] {
  const parents: unknown = stamp?.parents;
  if (!Array.isArray(parents)) return [];
  const commits = parents.slice(0, MOST_PARENTS).map((parent: unknown) => {
    return id((parent as { commit?: unknown } | null)?.commit);
  });
  return commits.filter((commit) => commit !== null);
}

/** What to say of a file without a stamp. */
async function hintFor(path: string, nearby: string | undefined): Promise<string | undefined> {
  const merged = await mergedVersions(path);
  if (merged.length > 0) {
    const versions = merged.map(({ version, stamp: { git } }) => {
      const code = id(git.commit) ?? 'no commit';
      return `  ${version.slice(0, 12)}: made by ${code}`;
    });
    return ['Git merged it from versions with stamps:', ...versions].join('\n');
  }
  return nearby === undefined ? undefined : `'${nearby}' may be of the same run.`;
}

/**
 * Reads it.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_STAMP`, `ERR_THETA_PROVENANCE_UNSUPPORTED`, `ERR_THETA_PROVENANCE_IO`
 */
export async function claimsOf(path: string): Promise<Claims> {
  const { stamp, six, problems, nearby } = await readStamp(path);
  const unsupported = (message: string): ThetaError =>
    new ThetaError('ERR_THETA_PROVENANCE_UNSUPPORTED', `${path}: ${message}`, { path });
  if (problems.length > 0) throw unsupported(problems.join('; '));
  if (!stamp && !six) {
    throw new ThetaError('ERR_THETA_PROVENANCE_NO_STAMP', `${path}: there is no stamp`, {
      path,
      hint: await hintFor(path, nearby?.path),
    });
  }
  const git = stamp?.git;
  const commit: unknown = git ? git.commit : six?.commit_hash;
  if (commit && !isObjectId(commit)) throw unsupported('the stamp names what is no commit');
  return {
    path,
    commit: id(commit),
    tree: id(git?.tree),
    codeTree: id(git?.code_tree),
    authorDate: Number.isSafeInteger(git?.author_date) ? (git?.author_date ?? null) : null,
    repo: text(git?.repo),
    dirty: git ? flag(git.code_dirty ?? git.dirty) : flag(six?.dirty),
    snapshot: id(stamp?.changes?.snapshot_commit),
    parents: parentsOf(stamp),
    stamp,
  };
}
