/** `git theta provenance unstamp`: take the stamp out of checkpoints. */
import { type UnstampResult, unstamp } from '../../../provenance/stamping';
import { defineCommand, dryRunOption, jsonOption, quietOption } from '../../command';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { readExit, writeExit } from './exits';

interface Options {
  inPlace?: true;
  force?: true;
  dryRun?: true;
  quiet?: true;
  json?: true;
}

export const command = defineCommand<Options>({
  description: `Takes the stamp out of checkpoints. What is left is the file that was there before, byte
for byte: its SHA-256 is compared with the one in the stamp first. A stamp in a file beside the
checkpoint is removed.

Nothing is written when they differ. What other programs left, the state of pl-git-callback among it, is
not taken out, unless it was written together with the stamp.

A copy takes the place of the file when it is complete. With \`--in-place\` a stamp that was appended is
cut off the file itself.`,
  arguments: [{ name: 'file', required: true, variadic: true, summary: 'Stamped checkpoints.' }],
  options: [
    {
      flags: '--in-place',
      summary: 'Cut an appended stamp off the file itself, instead of copying the file.',
    },
    { flags: '-f, --force', summary: 'Also change links, files with several names, signed files.' },
    dryRunOption,
    quietOption,
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance unstamp model.ckpt',
      summary: 'Have the file of before back.',
    },
  ],
  exitStatus: {
    ...readExit,
    ...writeExit,
    4: 'Without the stamp the file is not the one that was stamped.',
  },
  seeAlso: ['provenance stamp'],
  async run({ args, options, signal }) {
    const { json, quiet, dryRun = false, force, inPlace } = options;
    const results: UnstampResult[] = [];
    for (const path of args) {
      const result = await unstamp(path, { force, inPlace, dryRun, signal });
      results.push(result);
      const verb = dryRun ? 'Would take the stamp out of' : 'Took the stamp out of';
      if (!json && !quiet) print(`${verb} ${visible(path)}: sha256 ${result.sha256}`);
    }
    if (json) printJson({ files: results, dryRun });
    return 0;
  },
});
