/** `git theta completion`: a completion script, made from the definitions of all commands. */

import { defineCommand } from '../command';
import { bashCompletion } from '../completion/bash';
import { fishCompletion } from '../completion/fish';
import { completionTree } from '../completion/tree';
import { zshCompletion } from '../completion/zsh';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export const command = defineCommand({
  description: `Prints a script that completes \`git theta\` and its options. It builds on git's own
completion, which has to be loaded. Where the script belongs:

- bash: \`~/.local/share/bash-completion/completions/git-theta\`, which git's completion finds there
- zsh: a file named \`_git-theta\` in a folder of \`$fpath\`
- fish: \`~/.config/fish/completions/git-theta.fish\``,
  arguments: [
    {
      name: 'shell',
      required: true,
      choices: ['bash', 'zsh', 'fish'],
      summary: 'The shell to write the script for.',
    },
  ],
  examples: [
    {
      command: 'git theta completion bash > ~/.local/share/bash-completion/completions/git-theta',
      summary: 'Install the completion for bash.',
    },
  ],
  async run({ args }) {
    const script = SCRIPTS[args[0] as keyof typeof SCRIPTS];
    process.stdout.write(script(await completionTree()));
    return 0;
  },
});
