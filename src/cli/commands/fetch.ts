/** `git theta fetch`: download the objects that checkpoints need. */
import { Repository } from '../../git/repository';
import { fetch } from '../../road/fetch';
import { defineCommand, dryRunOption, jsonOption, quietOption } from '../command';
import { bytes, count } from '../ui/format';
import { printJson } from '../ui/json';
import { print } from '../ui/output';
import { transferProgress } from '../ui/transfer';

interface Options {
  all?: true;
  dryRun?: true;
  json?: true;
  quiet?: true;
  remote?: string;
}

export const command = defineCommand<Options>({
  description: `Downloads, through git-lfs, the objects that the checkpoints of the given revisions
need and that are not here yet. Without a revision these are HEAD and the index. The work tree stays
as it is; \`git theta checkout\` completes it. To bring commits, use \`git fetch\` or \`git theta pull\`.`,
  arguments: [
    {
      name: 'revision',
      variadic: true,
      summary: 'Commits, branches or tags; default: HEAD and the index.',
    },
  ],
  options: [
    { flags: '--all', summary: 'All versions in all branches and tags.' },
    { flags: '--remote <name>', summary: 'The remote to take objects from.' },
    dryRunOption,
    quietOption,
    jsonOption,
  ],
  examples: [
    { command: 'git theta fetch', summary: 'Bring what the current checkpoints lack.' },
    { command: 'git theta fetch --all', summary: 'Bring the whole history.' },
  ],
  seeAlso: ['pull', 'checkout', 'fsck'],
  async run({ args, options, signal }) {
    const repo = await Repository.discover(undefined, { bare: true });
    const { all = false, dryRun = false, json = false, quiet, remote } = options;
    const bar = transferProgress('Fetching', { quiet });
    const work = { all, dryRun, remote, signal, onProgress: bar.onProgress };
    const report = await fetch(repo, args, work).finally(bar.done);
    if (json) printJson({ ...report, dryRun });
    else if (!quiet) {
      const missing = `${count(report.missing, 'object')} (${bytes(report.missingBytes)})`;
      if (report.missing === 0) print('No object is missing.');
      else print(dryRun ? `Would fetch ${missing}.` : `Fetched ${missing}.`);
    }
    return 0;
  },
});
