/** The stamp of a checkpoint in one line: `commit 1f6bb4d03c5a (main), code committed, 2026-11-26`. */
import type { BriefStamp } from '../../provenance/stamping/brief';
import { visible } from './output';

/** In text from the file, what would move the cursor is shown. */
export function stampLine(stamp: BriefStamp): string {
  const { source, commit, branch, committed, date, problem } = stamp;
  if (problem !== undefined && commit === null) return `damaged: ${visible(problem)}`;
  const parts = [commit === null ? 'no commit' : `commit ${visible(commit.slice(0, 12))}`];
  if (branch !== null) parts[0] += ` (${visible(branch)})`;
  if (committed !== null) parts.push(committed ? 'code committed' : 'code not committed');
  if (date !== null) parts.push(visible(date.slice(0, 10)));
  if (source !== 'git-theta') parts.push(source);
  if (problem !== undefined) parts.push(`damaged: ${visible(problem)}`);
  return parts.join(', ');
}
