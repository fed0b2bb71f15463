/** `git theta provenance restore`: a work tree with the files of a snapshot. JSON: what `restore()` returns. */
import { restore } from '../../../provenance/snapshot';
import { defineCommand, jsonOption } from '../../command';
import { printJson } from '../../ui/json';
import { note, print, visible } from '../../ui/output';
import { table } from '../../ui/table';
import { noStateExit } from './exits';
import { leftOutRows } from './snapshot';

interface Options {
  dir?: string;
  json?: true;
}

export const command = defineCommand<Options>({
  description: `Makes a linked work tree with exactly the files of a snapshot. The files here do not change.

Files that the snapshot changed are byte for byte what they were. Models, and other files of Git LFS, are
not downloaded: they stay what git has of them. No hook runs. What the snapshot left out is listed, with the
SHA-256 by which it can be found. When something fails, nothing is left.

\`git worktree remove FOLDER\` removes the work tree.`,
  arguments: [
    {
      name: 'snapshot',
      required: true,
      summary: 'Its id, of which 4 digits are enough, its ref, or its commit.',
    },
    { name: 'folder', required: true, summary: 'A folder that is not there.' },
  ],
  options: [
    {
      flags: '--dir <folder>',
      summary: 'A folder of the repository; default: the current one.',
    },
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance restore 1f6bb4d03c5a99e2 ../experiment',
      summary: 'Have the code of an experiment in a folder of its own.',
    },
  ],
  exitStatus: {
    6: 'The snapshot is damaged, or of a newer kind.',
    ...noStateExit,
    8: 'The folder exists.',
    9: 'A file could not be written.',
  },
  seeAlso: ['provenance snapshot', 'provenance trace'],
  async run({ args, options, signal }) {
    const { json, dir } = options;
    const made = await restore(args[0] as string, args[1] as string, { dir, signal });
    if (json) printJson(made);
    else {
      print(`Restored ${made.id} in ${visible(made.folder)}`);
      if (made.leftOut.length > 0) {
        note('The snapshot does not have:');
        note(table(leftOutRows(made.leftOut)));
      }
    }
    return 0;
  },
});
