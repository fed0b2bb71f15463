/** `git theta provenance trace`: from a checkpoint back to its code. JSON: what `trace()` returns. */
import { type CommitFacts, type Likeness, type Trace, trace } from '../../../provenance/trace';
import { defineCommand, jsonOption } from '../../command';
import { count } from '../../ui/format';
import { printJson } from '../../ui/json';
import { note, print, visible, warn } from '../../ui/output';
import { table } from '../../ui/table';
import { codeText, dayOf } from './code-text';
import { noStateExit, readExit } from './exits';

interface Options {
  dir?: string;
  json?: true;
}

const LIKE: Readonly<Record<Likeness, string>> = {
  tree: 'the same files',
  'code-tree': 'the same code',
  'patch-id': 'the same change, on other code',
};

function* factRows({ author, date, subject, describe, refs }: CommitFacts): Generator<string[]> {
  yield ['author', `${author}, ${dayOf(date)}`];
  yield ['subject', subject];
  if (describe !== null) yield ['describe', describe];
  if (refs.length > 0) yield ['in', refs.join(', ')];
}

function* rows(found: Trace): Generator<string[]> {
  const { commit, rewritten, snapshot, head, code, dirty } = found;
  const where = found.found ? (found.found.reachable ? '' : ', in no branch or tag') : ', not here';
  yield ['commit', commit === null ? 'none: there was no commit yet' : `${commit}${where}`];
  if (found.found) yield* factRows(found.found);
  if (rewritten) {
    yield ['now', `${rewritten.found.commit}, ${LIKE[rewritten.by]}`];
    yield* factRows(rewritten.found);
  }
  for (const parent of found.parents) yield ['merged from', parent];
  if (snapshot) yield ['snapshot', `${snapshot.commit}${snapshot.here ? '' : ', not here'}`];
  else if (dirty) yield ['changes', 'there were uncommitted changes, and no snapshot is named'];
  if (head) {
    const behind = head.behind > 0 ? `, and lacks ${count(head.behind, 'commit')}` : '';
    yield ['HEAD', `${count(head.ahead, 'commit')} ahead${behind}`];
  }
  if (code) yield ['code since', codeText(code)];
}

/** A command line that can be copied into a shell. */
function line(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return visible(quoted.join(' '));
}

function show(found: Trace): void {
  print(visible(found.path));
  print(table([...rows(found)].map(([label = '', value = '']) => [`  ${label}`, visible(value)])));
  if (found.checkout) print(`To have the code:\n  ${line(found.checkout)}`);
  const missing = (found.commit !== null && !found.found) || found.snapshot?.here === false;
  if (!missing) return;
  for (const words of found.fetch) note(`hint: ${line(words)}`);
  if (found.fetch.length === 0)
    note(
      found.repo === null
        ? 'hint: The stamp does not say where the code is.'
        : `hint: The stamp says that the code is at '${visible(found.repo)}', which is no remote here.`,
    );
}

export const command = defineCommand<Options>({
  description: `Finds the code that made a checkpoint by its stamp, or by the six fields of pl-git-callback:
the commit, whether it is in a branch or tag, how far HEAD is ahead of it, what of the code changed since,
and the command that makes a folder with that code. Uncommitted changes count when the stamp names a
snapshot that is here. Models are no code.

When history was rewritten and no branch or tag has the commit any more, the commit that took its place is
looked for: one with the same files, with the same code, or, as long as git still has the old commit, one
that makes the same change.

When the commit is not here, commands are shown that may fetch it. A stamp is a claim of whoever could
write the file: an address in it is shown, but in no command.`,
  arguments: [{ name: 'file', required: true, summary: 'A stamped checkpoint.' }],
  options: [
    {
      flags: '--dir <folder>',
      summary: 'A folder of the repository with the code; default: the current one.',
    },
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance trace model.ckpt',
      summary: 'Find the code of a checkpoint.',
    },
  ],
  exitStatus: {
    1: 'The code is not here.',
    ...readExit,
    ...noStateExit,
  },
  seeAlso: ['provenance read', 'provenance diff', 'provenance restore'],
  async run({ args, options, signal }) {
    const found = await trace(args[0] as string, { dir: options.dir, signal });
    if (options.json) printJson(found);
    else show(found);
    if (found.checkout !== null) return 0;
    if (!options.json) warn('the code is not here');
    return 1;
  },
});
