/** `git theta version`: the version, alone on a line. */

import { version } from '../../version';
import { defineCommand, jsonOption } from '../command';
import { printJson } from '../ui/json';
import { print } from '../ui/output';
import { versionLine } from '../version';

export const command = defineCommand<{ json?: true }>({
  description: `Prints the version of git-theta. \`git theta env\` prints everything else that a bug
report needs.`,
  options: [jsonOption],
  seeAlso: ['env'],
  async run({ options }) {
    if (options.json) printJson({ version: version() });
    else print(versionLine());
    return 0;
  },
});
