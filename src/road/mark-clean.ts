/**
 * Tells the index that a work-tree checkpoint has the content of a manifest that we know.
 *
 * In: paths with their manifest texts; the files are in the work tree already. Out: the index has the manifest's blob and
 * the file's present stat data, so that `git status` has nothing to read. How: store/known-files.ts.
 *
 * Refused: nothing. The caller vouches for the content, and compares the files' stat data from before it read them with
 * those after this call.
 */
import type { Repository } from '../git/repository';
import { git } from '../git/run';
import { type KnownFile, withKnownFiles } from '../store/known-files';

/** Stages the manifests and records the files' stat data in the index. */
export async function markClean(
  repo: Repository,
  files: readonly KnownFile[],
  options: { indexFile?: string | undefined } = {},
): Promise<void> {
  if (files.length === 0) return;
  const input = files.map(({ path }) => `${path}\0`).join('');
  await withKnownFiles(repo, files, options, (env) =>
    git(['update-index', '--add', '-z', '--stdin'], { cwd: repo.workTree, input, env }),
  );
}
