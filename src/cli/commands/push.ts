/** `git theta push`: upload and check the objects, then git push. */
import { Repository } from '../../git/repository';
import { push } from '../../road/transfer';
import { defineCommand } from '../command';
import { count } from '../ui/format';
import { note } from '../ui/output';
import { transferProgress } from '../ui/transfer';

export const command = defineCommand({
  description: `Finds out what \`git push\` with the given arguments would push, uploads every object
that the checkpoints in it need, and pushes only when all of them are on the remote. Where the hooks
are installed, \`git push\` alone does the same; this command does not depend on hooks.`,
  arguments: [{ name: 'argument', variadic: true, summary: 'Handed to git push.' }],
  passThrough: true,
  examples: [
    { command: 'git theta push origin main', summary: 'Push one branch.' },
    { command: 'git theta push --dry-run', summary: 'Show what would be pushed.' },
  ],
  seeAlso: ['pull', 'fsck'],
  async run({ args, signal }) {
    const repo = await Repository.discover(undefined, { bare: true });
    const dryRun = args.includes('--dry-run') || args.includes('-n');
    const quiet = args.includes('--quiet') || args.includes('-q');
    const bar = transferProgress('Uploading', { quiet });
    const work = { dryRun, signal, onProgress: bar.onProgress };
    const { versions, objects } = await push(repo, args, work).finally(bar.done);
    if (versions > 0 && !quiet) {
      note(
        `${count(objects, 'object')} of ${count(versions, 'checkpoint version')} are on the remote.`,
      );
    }
    return 0;
  },
});
