/** `git theta provenance check`: the gate before training. */
import { ThetaError } from '../../../errors';
import { check } from '../../../provenance/check';
import { defineCommand, jsonOption } from '../../command';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { noStateExit } from './exits';
import { type GateOptions, gateOptions, noteProblems } from './gate';

interface Options extends GateOptions {
  logDir?: string;
  compat?: true;
  json?: true;
}

export const command = defineCommand<Options>({
  description: `Checks that the code is committed, so that a model can be traced back to it. Run it before
training.

In strict mode uncommitted code is an error. In relaxed mode it is a warning. Checkpoints that git-theta
versions, and all below \`.git_theta/\`, are models and may differ from the commit. Everything else is
code, unless git ignores it. Untracked files of code are treated as \`--untracked\` says. Files that git
is told to overlook, and a merge or rebase that is not finished, are always warned about.

With \`--log-dir\`, and when the check passes, two files are written there: \`git_info.json\` with the six
fields of pl-git-callback, and \`provenance.json\` with all that \`git theta provenance status\` knows.`,
  arguments: [{ name: 'folder', summary: 'A folder of the repository; default: the current one.' }],
  options: [
    ...gateOptions,
    { flags: '--log-dir <folder>', summary: 'Write the state into this folder; it is made.' },
    {
      flags: '--compat',
      summary: 'With --log-dir: write git-status.json, too, for readers of old versions.',
    },
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance check --mode strict && python train.py',
      summary: 'Train with committed code only.',
    },
    {
      command: 'git theta provenance check --log-dir logs/run-1',
      summary: 'Warn, and keep the state beside the logs of a run.',
    },
  ],
  exitStatus: {
    1: 'The code is not committed, in strict mode.',
    ...noStateExit,
    8: 'A link, or what is no file, is in the place of a file to write.',
    9: 'A file could not be written.',
  },
  seeAlso: ['provenance status'],
  async run({ args, options, signal }) {
    const { json, ...rest } = options;
    if (rest.compat && rest.logDir === undefined)
      throw new ThetaError('ERR_THETA_USAGE', '--compat needs --log-dir');
    const report = await check({ ...rest, dir: args[0], signal });
    if (json) printJson(report);
    else {
      noteProblems(report);
      for (const path of report.written) print(`wrote ${visible(path)}`);
      if (report.problems.length === 0) print(`The code is that of ${report.state.commit}.`);
    }
    return report.ok ? 0 : 1;
  },
});
