/** `git theta untrack`: the opposite of track. */

import { shellQuote } from '../../config/programs';
import { untrack } from '../../config/untrack';
import { Repository } from '../../git/repository';
import { defineCommand, dryRunOption, jsonOption } from '../command';
import { printJson } from '../ui/json';
import { hintLines, note, print, visible } from '../ui/output';

interface Options {
  dryRun?: true;
  json?: true;
}

export const command = defineCommand<Options>({
  description: `Removes the two lines that \`git theta track\` has written to \`.gitattributes\` for a
pattern. Give the pattern as \`git theta track\` lists it.

The checkpoint in the work tree, its tensors below \`.git_theta/\` and the history stay as they are,
and git goes on having the checkpoint as a manifest until it is added again. Have the checkpoint
itself in the work tree before that, not its manifest; \`git theta checkout\` brings it.`,
  arguments: [
    { name: 'pattern', required: true, variadic: true, summary: 'Patterns that are tracked.' },
  ],
  options: [dryRunOption, jsonOption],
  examples: [{ command: 'git theta untrack model.pt', summary: 'Stop tracking a checkpoint.' }],
  seeAlso: ['track', 'uninstall'],
  async run({ args, options }) {
    const repo = await Repository.discover();
    const { dryRun = false, json = false } = options;
    const { patterns, left } = await untrack(repo, args, { dryRun });
    if (json) {
      printJson({ patterns, left, dryRun });
      return 0;
    }
    for (const pattern of patterns) {
      print(`${dryRun ? 'Would untrack' : 'Untracked'} ${visible(pattern)}.`);
    }
    for (const path of left) {
      note(
        hintLines(
          `git still has '${path}' as a manifest. To store it as an ordinary file from now on:
git add --renormalize -- ${shellQuote(`:/${path}`)}
git rm -r -q -- ${shellQuote(`:/.git_theta/${path}`)}`,
        ),
      );
    }
    return 0;
  },
});
