/**
 * What a stamp says in one line.
 *
 * In: a checkpoint, a file or stored. Out: the commit, and whether the code was committed, of the stamp in the file or beside it, or of the
 * six fields of pl-git-callback; nothing when there is neither. No tensor is read. Nothing is refused: a stamp that
 * cannot be read is told as a problem, since who asks wants to know something else of the file.
 */
import { isThetaError } from '../../errors';
import { readStamp, readStoredStamp, type StampReport } from './read';

/** The stamp of a checkpoint, in short. */
export interface BriefStamp {
  readonly source: 'git-theta' | 'pl-git-callback';
  /** `null` when there was no commit. */
  readonly commit: string | null;
  readonly branch: string | null;
  /** Whether all code was committed; `null` when the stamp does not say. */
  readonly committed: boolean | null;
  /** When it was stamped, or for pl-git-callback when the commit was made. ISO 8601. */
  readonly date: string | null;
  /** What is wrong with it. */
  readonly problem?: string;
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const truth = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);
const not = (value: boolean | null): boolean | null => (value === null ? null : !value);

type Found = Pick<StampReport, 'stamp' | 'six' | 'problems'>;

function brief({ stamp, six, problems }: Found): BriefStamp | null {
  const problem = problems.length > 0 ? { problem: problems.join('; ') } : {};
  if (stamp) {
    const { commit, branch, code_dirty, dirty } = stamp.git;
    return {
      source: 'git-theta',
      commit: text(commit),
      branch: text(branch),
      committed: not(truth(code_dirty) ?? truth(dirty)),
      date: text(stamp.stamped_at),
      ...problem,
    };
  }
  if (six) {
    const { commit_hash, branch_name, dirty, commit_date } = six;
    return {
      source: 'pl-git-callback',
      commit: commit_hash,
      branch: branch_name,
      committed: not(dirty),
      date: isoDate(commit_date),
      ...problem,
    };
  }
  return problem.problem === undefined ? null : unreadable(problem.problem);
}

const unreadable = (problem: string): BriefStamp => ({
  source: 'git-theta',
  commit: null,
  branch: null,
  committed: null,
  date: null,
  problem,
});

async function orProblem(find: () => Promise<Found>): Promise<BriefStamp | null> {
  try {
    return brief(await find());
  } catch (error) {
    if (!isThetaError(error)) throw error;
    return unreadable(error.message);
  }
}

/** The stamp of the file at `path`, if it has one. */
export function briefStamp(path: string): Promise<BriefStamp | null> {
  return orProblem(() => readStamp(path));
}

/** The stamp in a stored file, if it has one; `records` are those of its manifest. Its skeleton's objects are read. */
export function briefStoredStamp(records: string, stores: string[]): Promise<BriefStamp | null> {
  return orProblem(() => readStoredStamp(records, stores));
}

/** Seconds since 1970, where they are a date. */
function isoDate(seconds: number | null): string | null {
  if (seconds === null || !(Math.abs(seconds) < 8.64e12)) return null;
  return new Date(seconds * 1000).toISOString();
}
