/** `git theta dedup`: let store files share their blocks with the objects. */
import { Repository } from '../../git/repository';
import { dedup } from '../../road/dedup';
import { defineCommand, dryRunOption, jsonOption } from '../command';
import { bytes, count } from '../ui/format';
import { printJson } from '../ui/json';
import { print, visible } from '../ui/output';

interface Options {
  dryRun?: true;
  json?: true;
}

export const command = defineCommand<Options>({
  description: `Replaces copies of objects below \`.git_theta/\` in the work tree by links to them, as
\`theta.storeLink\` says: hard links or reflinks. git-lfs writes copies; \`git theta add\` and the
hooks make links, so this is needed only where they did not run. \`git status\` stays clean.`,
  options: [dryRunOption, jsonOption],
  examples: [{ command: 'git theta dedup', summary: 'Free the space that copies take.' }],
  seeAlso: ['prune', 'fsck'],
  async run({ options }) {
    const repo = await Repository.discover();
    const { dryRun = false, json = false } = options;
    const models = await dedup(repo, { dryRun });
    if (json) printJson({ models, dryRun });
    else {
      const verb = dryRun ? 'Would link' : 'Linked';
      for (const { path, linked, bytes: size } of models) {
        print(`${verb} ${count(linked, 'file')} of ${visible(path)}: ${bytes(size)}.`);
      }
      if (models.length === 0) print('There are no copies.');
    }
    return 0;
  },
});
