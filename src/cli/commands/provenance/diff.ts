/** `git theta provenance diff`: what two stamps say differently. JSON: what `diffStamps()` returns. */
import { type DiffSide, diffStamps, type StampDiff } from '../../../provenance/trace';
import { defineCommand, jsonOption } from '../../command';
import { count } from '../../ui/format';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { table } from '../../ui/table';
import { codeText, dayOf } from './code-text';
import { readExit } from './exits';

interface Options {
  dir?: string;
  json?: true;
}

/** Names of changed files, and commits, that are listed for people. */
const LISTED = 20;

function sideText({ path, commit, dirty, snapshot, here }: DiffSide): string {
  const changes = snapshot
    ? `, with snapshot ${snapshot.slice(0, 16)}`
    : dirty
      ? ', with uncommitted changes'
      : '';
  return `${path}: ${commit ?? 'no commit'}${changes}${commit && !here ? ', not here' : ''}`;
}

const answer = (same: boolean | null): string =>
  same === null ? 'cannot be told' : same ? 'the same' : 'different';

/** The first lines of a list, and how many more there are. */
function* listed<T>(
  all: readonly T[],
  total: number,
  text: (item: T) => string,
): Generator<string> {
  for (const item of all.slice(0, LISTED)) yield `  ${visible(text(item))}`;
  const more = total - Math.min(all.length, LISTED);
  if (more > 0) yield `  and ${more} more`;
}

function* lines(diff: StampDiff): Generator<string> {
  const { a, b, commits, code, differences } = diff;
  yield `a: ${visible(sideText(a))}`;
  yield `b: ${visible(sideText(b))}`;
  yield table([
    ['commit', answer(diff.sameCommit)],
    ['committed code', answer(diff.sameCodeTree)],
    ['code', answer(diff.sameCode)],
    ['content', answer(diff.sameContent)],
  ]);
  if (commits && commits.ahead + commits.behind > 0) {
    yield `b has ${count(commits.ahead, 'commit')} that a has not, and lacks ${commits.behind}:`;
    yield* listed(
      commits.list,
      commits.ahead + commits.behind,
      ({ side, commit, date, author, subject }) =>
        `${side} ${commit.slice(0, 12)} ${dayOf(date)} ${author}: ${subject}`,
    );
  }
  if (code && code.files > 0) {
    yield `Code: ${codeText(code)}`;
    yield* listed(
      code.changed,
      code.files,
      ({ path, insertions, deletions }) => `+${insertions ?? '?'} -${deletions ?? '?'} ${path}`,
    );
  }
  if (differences.length > 0) {
    yield 'Other:';
    yield* listed(
      differences,
      differences.length,
      ({ field, a: one, b: other }) => `${field}: ${one ?? 'none'} | ${other ?? 'none'}`,
    );
  }
}

export const command = defineCommand<Options>({
  description: `Compares the stamps of two checkpoints, or their six fields of pl-git-callback: whether commit,
code and content are the same, the commits between, what of the code differs, and other frameworks and
runs. Models are no code.

Code that was uncommitted can be compared when both stamps name a snapshot that is here. Contents are
compared by the hashes in the stamps: \`git theta provenance verify\` checks these.

It works without a repository, too; then only the stamps are compared.`,
  arguments: [
    { name: 'a', required: true, summary: 'A stamped checkpoint.' },
    { name: 'b', required: true, summary: 'Another one.' },
  ],
  options: [
    {
      flags: '--dir <folder>',
      summary: 'A folder of the repository with the code; default: the current one.',
    },
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance diff epoch-3.ckpt epoch-9.ckpt',
      summary: 'See whether the same code made two checkpoints.',
    },
  ],
  exitStatus: { 1: 'The code is different, or that cannot be told.', ...readExit },
  seeAlso: ['provenance trace', 'provenance read', 'provenance verify'],
  async run({ args, options, signal }) {
    const [a = '', b = ''] = args;
    const diff = await diffStamps(a, b, { dir: options.dir, signal });
    if (options.json) printJson(diff);
    else for (const text of lines(diff)) print(text);
    return diff.sameCode === true ? 0 : 1;
  },
});
