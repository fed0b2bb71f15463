/** `git theta push`: upload and check the objects, then git push. */
import { Repository } from '../../git/repository';
import { push } from '../../road/transfer';
import { defineCommand } from '../command';
import { count } from '../ui/format';
import { note } from '../ui/output';
import { transferProgress } from '../ui/transfer';

const ALL_OBJECTS = '--all-objects';

export const command = defineCommand({
  description: `Finds out what \`git push\` with the given arguments would push, uploads every object
that the checkpoints in it need, and pushes only when all of them are on the remote. Where the hooks
are installed, \`git push\` alone does the same; this command does not depend on hooks.

A commit that has been pushed without its objects, as with \`git push --no-verify\`, is taken for
complete from then on. With \`--all-objects\` nothing is: the objects of the whole history of what is
pushed are uploaded where the remote lacks them, also of branches that are up to date.`,
  arguments: [{ name: 'argument', variadic: true, summary: 'Handed to git push.' }],
  options: [
    {
      flags: ALL_OBJECTS,
      summary: 'Complete the remote: the objects of commits that it has, too.',
    },
  ],
  passThrough: true,
  examples: [
    { command: 'git theta push origin main', summary: 'Push one branch.' },
    {
      command: 'git theta push --all-objects origin main',
      summary: 'Repair a branch that was pushed without its objects.',
    },
    { command: 'git theta push --dry-run', summary: 'Show what would be pushed.' },
  ],
  seeAlso: ['pull', 'fsck'],
  async run({ args: given, signal }) {
    const repo = await Repository.discover(undefined, { bare: true });
    const args = given.filter((arg) => arg !== ALL_OBJECTS);
    const allObjects = args.length < given.length;
    const dryRun = args.includes('--dry-run') || args.includes('-n');
    const quiet = args.includes('--quiet') || args.includes('-q');
    const bar = transferProgress('Uploading', { quiet });
    const work = { dryRun, allObjects, signal, onProgress: bar.onProgress };
    const { versions, objects } = await push(repo, args, work).finally(bar.done);
    if (versions > 0 && !quiet) {
      note(
        `${count(objects, 'object')} of ${count(versions, 'checkpoint version')} are on the remote.`,
      );
    }
    return 0;
  },
});
