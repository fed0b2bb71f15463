/** `git theta prune`: git lfs prune that knows about manifests. */
import { Repository } from '../../git/repository';
import { prune } from '../../road/prune';
import { defineCommand, dryRunOption, jsonOption } from '../command';
import { count } from '../ui/format';
import { printJson } from '../ui/json';
import { print } from '../ui/output';

interface Options {
  dryRun?: true;
  json?: true;
  verbose?: true;
  verifyRemote?: true;
}

export const command = defineCommand<Options>({
  description: `Runs \`git lfs prune\`, which deletes local copies of objects that old, pushed commits
need, after making sure that it keeps everything else. git-lfs sees only what pointers in commits
name; objects that only a manifest or the index names are kept aside under \`.git/theta/objects\` until
they are pushed.

\`git theta add\` keeps the new objects of a checkpoint there, and so does git whenever it reads a
changed one: \`git add\`, \`git stash\`, also \`git status\` and \`git diff\`. What was never committed
stays there, whatever \`git lfs prune\` deletes, until this command finds no use for it.

Settings of \`git lfs prune\` (\`lfs.pruneoffsetdays\` and others) apply.`,
  options: [
    dryRunOption,
    { flags: '--verify-remote', summary: 'Delete only what the remote is known to have.' },
    { flags: '--verbose', summary: 'List what is deleted.' },
    jsonOption,
  ],
  examples: [
    { command: 'git theta prune --dry-run', summary: 'Show how much would be deleted.' },
    { command: 'git theta prune --verify-remote', summary: 'Ask the remote first.' },
  ],
  seeAlso: ['fsck', 'fetch', 'dedup'],
  async run({ options }) {
    const repo = await Repository.discover(undefined, { bare: true });
    const { dryRun = false, json = false, verbose = false, verifyRemote = false } = options;
    const report = await prune(
      repo,
      { dryRun, verbose, verifyRemote },
      json ? 'stderr' : 'inherit',
    );
    if (json) printJson({ ...report, dryRun });
    else if (report.kept > 0) {
      const verb = dryRun ? 'Would keep' : 'Kept';
      print(`${verb} ${count(report.kept, 'object')} that only manifests or the index name.`);
    }
    return 0;
  },
});
