/** `git theta merge`: finishes or undoes a merge that stopped at a checkpoint. */
import { ThetaError } from '../../errors';
import { Repository } from '../../git/repository';
import { describeConflict } from '../../merge/conflict';
import { openConflicts, refuseConflicts, resolveModels } from '../../merge/finish';
import { runOperation } from '../../merge/operation';
import { forgetResults } from '../../merge/results';
import { type MergeState, mergeState } from '../../merge/status';
import { defineCommand, dryRunOption, jsonOption } from '../command';
import { count } from '../ui/format';
import { printJson } from '../ui/json';
import { note, print, visible } from '../ui/output';

interface Options {
  continue?: true;
  abort?: true;
  edit?: boolean;
  dryRun?: true;
  json?: true;
}

const STATES = {
  conflict: 'conflict',
  edited: 'merged, but the file in the work tree is another one',
  mergeable: 'merged',
  store: 'resolved, tensors to be staged',
} as const;

function document(state: MergeState): object {
  const { operation, models, others } = state;
  return { operation, models, others };
}

function show(state: MergeState): void {
  for (const { path, state: kind, conflicts } of state.models) {
    print(`${visible(path)}: ${STATES[kind]}`);
    for (const conflict of conflicts) {
      const name = conflict.name === '' ? '' : `${visible(conflict.name)}: `;
      print(`  ${name}${visible(describeConflict(conflict))}`);
    }
  }
  for (const path of state.others) print(`${visible(path)}: not a checkpoint, for git to resolve`);
  if (state.models.length + state.others.length === 0) print('Nothing is in conflict.');
}

async function abort(repo: Repository, state: MergeState, options: Options): Promise<number> {
  const { operation } = state;
  if (!operation) {
    throw new ThetaError('ERR_THETA_USAGE', 'Nothing is in progress that could be aborted.', {
      hint: "After a squash or a stash, 'git reset --merge' goes back to the last commit.",
    });
  }
  if (options.dryRun) {
    if (options.json) printJson(document(state));
    else print(`Would run 'git ${operation} --abort'.`);
    return 0;
  }
  const code = await runOperation(repo, operation, 'abort', { aside: options.json === true });
  if (code !== 0) return code;
  forgetResults(repo.gitDir);
  if (options.json) printJson({ operation, aborted: true });
  return 0;
}

async function proceed(repo: Repository, state: MergeState, options: Options): Promise<number> {
  const { operation } = state;
  if (options.dryRun) {
    refuseConflicts(state);
    if (options.json) printJson(document(state));
    else show(state);
    return 0;
  }
  const done = await resolveModels(repo, state);
  if (!options.json) {
    for (const path of done.merged) note(`Merged ${visible(path)}.`);
    if (done.stores.length > 0) {
      note(`Staged the tensors of ${count(done.stores.length, 'checkpoint')}.`);
    }
  }
  if (done.others.length > 0) {
    throw new ThetaError(
      'ERR_THETA_CONFLICT',
      ['Other files are still in conflict:', ...done.others].join('\n'),
      { hint: "Resolve them, run 'git add', then 'git theta merge --continue'." },
    );
  }
  if (!operation) {
    if (options.json) printJson({ ...done, operation });
    else print("All checkpoints are resolved. Run 'git commit' to record them.");
    return 0;
  }
  const edit = options.edit !== false && process.stdin.isTTY === true && !options.json;
  const code = await runOperation(repo, operation, 'continue', {
    edit,
    aside: options.json === true,
  });
  if (options.json) printJson({ ...done, operation, continued: code === 0 });
  return code;
}

export const command = defineCommand<Options>({
  description: `Shows which checkpoints stand in the way of a merge, and finishes it.

git starts a merge, cherry-pick, revert or rebase as always, and git-theta merges checkpoints tensor by tensor: a tensor that one
side changed is taken from there. Where both sides changed the same tensor, git stops. Resolve the checkpoint with git's own means:

    git checkout --theirs model.pt      or --ours, or write model.pt yourself
    git add model.pt
    git theta merge --continue

Without an option the state is shown and nothing is changed.`,
  options: [
    {
      flags: '--continue',
      summary: "Stage the tensors of resolved checkpoints and continue git's operation.",
      conflicts: ['abort'],
    },
    { flags: '--abort', summary: "Undo git's operation.", conflicts: ['continue'] },
    { flags: '--no-edit', summary: 'Take the message of the commit as it is.' },
    dryRunOption,
    jsonOption,
  ],
  examples: [
    { command: 'git theta merge', summary: 'List the tensors in conflict.' },
    { command: 'git theta merge --continue', summary: 'Finish after the conflicts are resolved.' },
  ],
  exitStatus: { 1: 'Something is in conflict.' },
  seeAlso: ['status', 'checkout', 'fsck'],
  async run({ options }) {
    const repo = await Repository.discover();
    const state = await mergeState(repo);
    if (options.abort) return abort(repo, state, options);
    if (options.continue) return proceed(repo, state, options);
    if (options.json) printJson(document(state));
    else show(state);
    return openConflicts(state).length + state.others.length > 0 ? 1 : 0;
  },
});
