/** `git theta hook`: what the hook scripts run. `bin/git-theta.js` starts it without this file. */
import { main } from '../../hooks/main';
import { defineCommand } from '../command';

export const command = defineCommand({
  description: `Runs git-theta's part of a hook; the scripts that \`git theta install --local\` and
\`git theta track\` write call it. Where another tool owns the hooks, add its line to the hook of the
same name: \`git theta hook NAME "$@"\`. \`git theta doctor\` says which ones are missing.

- \`pre-commit\` stages the tensors of checkpoints that plain \`git add\`, \`git mv\` or \`git rm\` staged.
- \`post-commit\` does the same for the index after a partial commit.
- \`pre-push\` uploads every object that the pushed commits need, and stops the push if it cannot.
- \`post-checkout\`, \`post-merge\` and \`post-rewrite\` write checkpoints too large for the filter.`,
  arguments: [
    { name: 'name', required: true, summary: 'The hook.' },
    { name: 'argument', variadic: true, summary: 'What git gave the hook.' },
  ],
  passThrough: true,
  examples: [
    { command: 'git theta hook pre-commit', summary: 'Complete the index before a commit.' },
  ],
  seeAlso: ['install', 'doctor'],
  async run({ args }) {
    return main(args);
  },
});
