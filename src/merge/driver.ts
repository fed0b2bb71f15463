/**
 * Entry of `git theta merge-driver %O %A %B %L %P`: what git runs for `merge.theta`. It never loads the command line.
 *
 * In: files with the stored manifests of base, ours and theirs, the size of conflict markers, the path in the repository;
 * the current folder is the root of the work tree. Out: the merged manifest in place of ours, and exit code 0; or ours as
 * it was, an explanation on standard error, and exit code 1: git then records the conflict. There are never conflict
 * markers in a manifest, so what git writes into the work tree is a checkpoint in any case. Standard output stays silent.
 */
import { writeFile } from '../failure';
import { describe } from '../filter/report';
import { repositoryVariables } from '../git/environment';
import { gitSync } from '../git/run';
import { printManifest } from '../manifest';
import { decide } from './decision';
import { conflictError, storeError } from './message';
import { driverGitDir, recordResults } from './results';
import { CROSSED, readSide } from './side';

const USAGE = 'usage: git theta merge-driver <base> <ours> <theirs> <marker size> <path>\n';

/** What git asks for where no attribute says otherwise. */
const MARKER_SIZE = 7;

/**
 * Whether git is making up a common ancestor from several: it asks for larger conflict markers then, and gives no other
 * sign.
 */
function isMadeUp(size: number, path: string): boolean {
  if (size === MARKER_SIZE) return false;
  const { stdout } = gitSync(['check-attr', '-z', 'conflict-marker-size', '--', path], {
    env: repositoryVariables(),
    check: false,
  });
  const usual = Number(stdout.split('\0')[2]);
  return size > (Number.isInteger(usual) && usual > 0 ? usual : MARKER_SIZE);
}

/** Merges one model; the exit code. */
export function runDriver(argv: readonly string[], warn: (text: string) => void): number {
  const [base = '', ours = '', theirs = '', size = '', path = ''] = argv;
  const sides = [readSide(base), readSide(ours), readSide(theirs)] as const;
  const { kind, manifest, conflicts, results, disagreements } = decide(path, sides);
  if (isMadeUp(Number(size), path)) {
    // An ancestor takes part in another merge, model and store together: it must be right or be seen to be wrong.
    const whole = kind === 'merged' && manifest && results.length === 0;
    writeFile(ours, whole ? printManifest(manifest) : CROSSED);
    return 0;
  }
  recordResults(driverGitDir(), path, results);
  // With a store that has to be repaired the model is a conflict for git, but its content is right.
  if (manifest) writeFile(ours, printManifest(manifest));
  if (kind === 'merged') return 0;
  warn(
    describe(
      kind === 'store' ? storeError(path, disagreements.length) : conflictError(path, conflicts),
    ),
  );
  return 1;
}

/** Runs the driver. `argv` is what follows the command's name. Any failure is a conflict, which nobody overlooks. */
export async function main(argv: readonly string[]): Promise<number> {
  const warn = (text: string) => void process.stderr.write(text);
  if (argv.length !== 5) {
    warn(USAGE);
    return 129;
  }
  try {
    return runDriver(argv, warn);
  } catch (error) {
    warn(describe(error));
    return 1;
  }
}
