/** `git theta provenance status`: which code is here. */
import { type GitStatus, gitStatus } from '../../../provenance/git';
import type { CiHints, GitState } from '../../../provenance/stamp';
import { defineCommand, jsonOption } from '../../command';
import { count } from '../../ui/format';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { table } from '../../ui/table';
import { noStateExit } from './exits';

/** More changed files are not listed. */
const LISTED = 10;

type Row = [label: string, value: string];

function commitRow({ commit, commit_date, describe }: GitState): Row {
  if (commit === null) return ['commit', 'none yet'];
  const date = commit_date === null ? null : new Date(commit_date * 1000);
  // Commits may have dates that no calendar has.
  const when = date && !Number.isNaN(date.getTime()) ? date.toISOString().replace('.000', '') : '';
  const name = describe !== null && !commit.startsWith(describe) ? describe : '';
  return ['commit', [commit, when, name].filter((part) => part !== '').join('  ')];
}

function branchRow({ source, branch, detached, upstream, ci }: GitState): Row {
  let text = branch ?? (detached ? 'none: HEAD is detached' : 'not known');
  if (branch === null && ci?.branch) text += ` (${ci.system} says ${ci.branch})`;
  if (upstream) text += ` (${upstream.ref}: ${upstream.ahead} ahead, ${upstream.behind} behind)`;
  return ['branch', source === 'env' && branch !== null ? `${text} (stated)` : text];
}

function* codeRows({ state, changed, models }: GitStatus): Generator<Row> {
  if (state.source === 'env') {
    yield ['code', state.code_dirty ? 'changed (stated)' : 'stated by GIT_THETA_GIT_COMMIT'];
    return;
  }
  yield ['code', changed.length === 0 ? 'unchanged' : `${count(changed.length, 'file')} changed`];
  for (const { path, kinds } of changed.slice(0, LISTED))
    yield ['', `${path}: ${kinds.join(', ')}`];
  if (changed.length > LISTED) yield ['', `and ${changed.length - LISTED} more`];
  if (models.length > 0) yield ['models', `${count(models.length, 'file')} changed`];
}

function* otherRows(state: GitState): Generator<Row> {
  const { untracked, submodules, flags, ci } = state;
  if (state.code_tree !== null) yield ['code tree', state.code_tree];
  if (untracked.count > 0)
    yield ['untracked', `${count(untracked.count, 'file')}, ${untracked.code_count} of code`];
  for (const { path, commit, dirty } of submodules)
    yield ['submodule', `${path}: ${commit ?? 'new'}${dirty ? ', changed' : ''}`];
  for (const path of flags.assume_unchanged) yield ['overlooked', path];
  if (flags.operation !== null) yield ['in progress', flags.operation];
  const parts = (['shallow', 'sparse', 'partial'] as const).filter((name) => flags[name]);
  if (parts.length > 0) yield ['not all here', parts.join(', ')];
  if (state.repo !== null) yield ['remote', state.repo];
  if (ci) yield ['CI', describeCi(ci)];
}

function describeCi({ system, ...rest }: CiHints): string {
  return [system, ...Object.entries(rest).map(([name, value]) => `${name} ${value}`)].join(', ');
}

export const command = defineCommand<{ json?: true }>({
  description: `Shows the state of the repository as it would be written into a checkpoint: the commit, the
branch, files of code that differ from the commit, untracked files, submodules, and what makes git's
answer less certain, such as files that git is told to overlook.

Checkpoints that git-theta versions, and all below \`.git_theta/\`, are models and not code. The code
tree is the commit's tree without them: it stays the same while only models are committed.

Nothing is written. Outside a repository the state is what the variables \`GIT_THETA_GIT_COMMIT\`,
\`GIT_THETA_GIT_BRANCH\` and \`GIT_THETA_GIT_DIRTY\` state.

With \`--json\` the document has the state under \`state\`, and under \`six\` the six fields of
pl-git-callback with its meaning of each: there, models count as changes, too.`,
  arguments: [{ name: 'folder', summary: 'A folder of the repository; default: the current one.' }],
  options: [jsonOption],
  examples: [
    { command: 'git theta provenance status', summary: 'Show the state of the code.' },
    { command: 'git theta provenance status --json', summary: 'The same for a program.' },
  ],
  exitStatus: { ...noStateExit },
  async run({ args, options, signal }) {
    const status = await gitStatus(args[0], { signal });
    if (options.json) {
      printJson(status);
      return 0;
    }
    const { state } = status;
    const rows = [commitRow(state), branchRow(state), ...codeRows(status), ...otherRows(state)];
    print(table(rows.map(([label, value]) => [label, visible(value)])));
    return 0;
  },
});
