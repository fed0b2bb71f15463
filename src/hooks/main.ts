/**
 * Entry of `git theta hook NAME ARGS…`: what the hook scripts run. It never loads the command line.
 *
 * In: the hook's name and arguments; standard input where git gives the hook one. Out: the exit
 * code. An unknown name succeeds: a newer version's script must not stop git.
 */
import { readFileSync } from 'node:fs';
import { describe } from '../filter/report';
import { Repository } from '../git/repository';
import { forgetResults } from '../merge/results';
import { postCheckout, postMerge, postRewrite, type StartProgress } from './post-checkout';
import { postCommit } from './post-commit';
import { preCommit } from './pre-commit';
import { prePush } from './pre-push';

/** After these, what the merge drivers remember is of no use. */
const ENDS_OF_MERGES = new Set(['post-commit', 'post-merge', 'post-rewrite']);

/** Runs one hook. `progress` shows how far long work is. */
export async function main(argv: readonly string[], progress?: StartProgress): Promise<number> {
  const [name = '', ...args] = argv;
  try {
    const repo = await Repository.discover(process.cwd(), { bare: true });
    if (!repo.isBare || name === 'pre-push') await run(repo, name, args, progress);
    return 0;
  } catch (error) {
    process.stderr.write(describe(error));
    return 1;
  }
}

async function run(
  repo: Repository,
  name: string,
  args: readonly string[],
  progress?: StartProgress,
): Promise<void> {
  // git-lfs's own hooks are run by the script that calls us, but for pre-push.
  if (ENDS_OF_MERGES.has(name)) forgetResults(repo.gitDir);
  if (name === 'pre-commit') await preCommit(repo);
  else if (name === 'pre-push') await prePush(repo, args, readFileSync(0, 'utf8'));
  else if (name === 'post-commit') await postCommit(repo);
  else if (name === 'post-checkout') await postCheckout(repo, args, progress);
  else if (name === 'post-merge') await postMerge(repo, progress);
  else if (name === 'post-rewrite') await postRewrite(repo, readFileSync(0, 'utf8'), progress);
}
