/** `git theta checkout`: write checkpoints whose manifests are in the work tree. */
import { ThetaError } from '../../errors';
import { Repository } from '../../git/repository';
import { checkout } from '../../road/checkout';
import { defineCommand, jsonOption, quietOption } from '../command';
import { bytes } from '../ui/format';
import { printJson } from '../ui/json';
import { print, visible } from '../ui/output';
import { type Progress, progress } from '../ui/progress';

interface Options {
  all?: true;
  json?: true;
  quiet?: true;
}

export const command = defineCommand<Options>({
  description: `Replaces manifests in the work tree by the checkpoints that they describe. Manifests
are there after a checkout with \`GIT_LFS_SKIP_SMUDGE=1\` or \`git theta install --skip-smudge\`, and
for checkpoints larger than \`theta.smudgeLimit\` where the hooks are not installed. Objects that are
missing are fetched first.

Only manifests are replaced, and files that are missing where a path names them: a checkpoint that
has been changed stays as it is. To go back to another version, use \`git checkout\` or
\`git restore\`.`,
  arguments: [
    { name: 'path', variadic: true, summary: 'Checkpoints, folders or globs; default: all.' },
  ],
  options: [
    { flags: '--all', summary: 'All tracked checkpoints, also those that are missing.' },
    quietOption,
    jsonOption,
  ],
  examples: [
    { command: 'git theta checkout', summary: 'Complete the work tree.' },
    { command: 'git theta checkout model.pt', summary: 'Write one checkpoint.' },
  ],
  seeAlso: ['fetch', 'pull', 'add'],
  async run({ args, options, signal }) {
    const { all = false, json = false, quiet } = options;
    if (all && args.length > 0) {
      throw new ThetaError('ERR_THETA_USAGE', '--all cannot be given together with paths');
    }
    const repo = await Repository.discover();
    let bar: Progress | undefined;
    try {
      const models = await checkout(repo, args, {
        signal,
        ...(all ? { missing: true } : {}),
        onModel: (path) => {
          bar?.done();
          bar = progress(`Writing ${path}`, { quiet });
        },
        onProgress: (event) => bar?.onProgress(event),
      });
      bar?.done();
      if (json) printJson({ models });
      else if (!quiet) {
        const written = models.filter(({ action }) => action === 'written');
        for (const { path, bytes: size } of written)
          print(`Wrote ${visible(path)}: ${bytes(size)}.`);
        if (written.length === 0) print('Nothing had to be written.');
      }
      return 0;
    } finally {
      bar?.done();
    }
  },
});
