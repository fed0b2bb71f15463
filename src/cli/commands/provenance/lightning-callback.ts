/** `git theta provenance lightning-callback`: the callbacks for Lightning and transformers as one Python file. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineCommand } from '../../command';

// The same from src and from dist: both lie three folders below the package.
const CALLBACK = resolve(__dirname, '../../../../python/src/git_theta_callback.py');

export const command = defineCommand({
  description: `Prints a Python module with \`GitCommitCallback\` for PyTorch Lightning 1.6 or newer. It needs
nothing but Python's standard library, git, and the Lightning that is there.

At the start of a fit it complains about uncommitted code; it writes the commit into every checkpoint that
Lightning saves with its callbacks, and compares a checkpoint that is loaded with the code. \`mode\` is
\`strict\`, which raises \`GitCommitCallbackError\`, or \`relaxed\`, which warns.

    from git_theta_callback import GitCommitCallback
    trainer = Trainer(callbacks=[GitCommitCallback(mode="strict")])

The module also has \`GitCommitTrainerCallback\` for the Trainer of Hugging Face transformers, which writes
the stamp beside the weights.`,
  examples: [
    {
      command: 'git theta provenance lightning-callback > git_theta_callback.py',
      summary: 'Put the callback beside a training script.',
    },
  ],
  async run() {
    process.stdout.write(await readFile(CALLBACK, 'utf8'));
    return 0;
  },
});
