/** `git theta pull`: git pull, then complete the work tree. */
import { Repository } from '../../git/repository';
import { pull } from '../../road/transfer';
import { defineCommand } from '../command';
import { bytes } from '../ui/format';
import { print, visible } from '../ui/output';
import { type Progress, progress } from '../ui/progress';

export const command = defineCommand({
  description: `Runs \`git pull\` with the given arguments, fetches the objects that the checkpoints
lack then, and writes checkpoints that were left as manifests. Where the filters are installed,
\`git pull\` alone does the same, except for manifests that were left on purpose.`,
  arguments: [{ name: 'argument', variadic: true, summary: 'Handed to git pull.' }],
  passThrough: true,
  examples: [{ command: 'git theta pull origin main', summary: 'Pull one branch.' }],
  seeAlso: ['fetch', 'checkout', 'push'],
  async run({ args, signal }) {
    const repo = await Repository.discover();
    let bar: Progress | undefined;
    const models = await pull(repo, args, {
      signal,
      onModel: (path) => {
        bar?.done();
        bar = progress(`Writing ${path}`);
      },
      onProgress: (event) => bar?.onProgress(event),
    }).finally(() => bar?.done());
    for (const { path, action, bytes: size } of models) {
      if (action === 'written') print(`Wrote ${visible(path)}: ${bytes(size)}.`);
    }
    return 0;
  },
});
