/**
 * What a merge driver says when it cannot finish: which tensors, and the commands that help.
 */
import { ThetaError } from '../errors';
import { type Conflict, describeConflict } from './conflict';

/** Lines about single tensors; of thousands, nobody reads more. */
const MAX_LINES = 10;

/** A path as it can be pasted into a shell. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) && !path.startsWith('-')
    ? path
    : `'${path.replaceAll("'", "'\\''")}'`;
}

/** A name on one line. */
export const oneLine = (name: string): string => name.replaceAll('\n', '\\n');

/** One line for each conflict, the first ones at least. */
export function conflictLines(conflicts: readonly Conflict[]): string[] {
  const lines = conflicts.slice(0, MAX_LINES).map((conflict) => {
    const what = describeConflict(conflict);
    return conflict.name === '' ? what : `${oneLine(conflict.name)}: ${what}`;
  });
  const more = conflicts.length - lines.length;
  if (more > 0) lines.push(`and ${more} more`);
  return lines;
}

/** Commands that resolve a conflict in a model. */
export function resolutionHint(path: string): string {
  const file = quoted(path);
  return [
    `Take one version with 'git checkout --ours -- ${file}' or '--theirs', or write the file yourself,`,
    `then run 'git add -- ${file}' and 'git theta merge --continue'.`,
    "To go back: 'git theta merge --abort'.",
  ].join('\n');
}

/** The conflict of a model as an error, to be printed. */
export function conflictError(path: string, conflicts: readonly Conflict[]): ThetaError {
  const count = conflicts.length === 1 ? 'one conflict' : `${conflicts.length} conflicts`;
  const message = [`${oneLine(path)}: ${count}`, ...conflictLines(conflicts)].join('\n');
  return new ThetaError('ERR_THETA_CONFLICT', message, { path, hint: resolutionHint(path) });
}

/** A model that is merged, with a store that git will merge otherwise. */
export function storeError(path: string, files: number): ThetaError {
  const count = files === 1 ? 'one store file' : `${files} store files`;
  return new ThetaError(
    'ERR_THETA_CONFLICT',
    `${oneLine(path)}: the tensors are merged, but git merges ${count} otherwise`,
    { path, hint: "Run 'git theta merge --continue' to finish." },
  );
}
