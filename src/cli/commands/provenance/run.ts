/** `git theta provenance run`: train with committed code, and stamp what the training writes. */
import { isThetaError } from '../../../errors';
import { writeFile } from '../../../failure';
import { EXIT_REFUSED, type RunReport, run } from '../../../provenance/running';
import type { CallbackMode } from '../../../provenance/stamping';
import { defineCommand } from '../../command';
import { fail } from '../../ui/errors';
import { count } from '../../ui/format';
import { formatJson } from '../../ui/json';
import { note, visible, warn } from '../../ui/output';
import { type GateOptions, gateOptions, noteProblems } from './gate';

interface Options extends GateOptions {
  snapshot?: true;
  watch?: string[];
  lightningCallback?: CallbackMode;
  json?: string;
}

/** What became of the checkpoints, on standard error: standard output is the command's. */
function summarize({ files, notStarted, run }: RunReport, program: string): void {
  if (notStarted !== null) {
    note(`error: ${visible(program)}: ${visible(notStarted)}`);
    return;
  }
  for (const file of files) {
    if (file.result === 'failed') {
      warn(`not stamped: ${file.error.message}`, file.error.hint);
    } else if (file.result === 'skipped') {
      warn(`not stamped: ${file.path}: ${file.because}`);
    }
  }
  if (run.changed_during_run) warn('the code changed during the run; the stamps say so');
  const number = (result: string) => files.filter((file) => file.result === result).length;
  const skipped = number('skipped');
  const rest = skipped > 0 ? `, ${skipped} skipped` : '';
  const stamped = count(number('stamped'), 'checkpoint');
  note(`git-theta: ${stamped} stamped, ${number('failed')} failed${rest}`);
}

export const command = defineCommand<Options>({
  description: `Runs a command when the code is committed, and stamps each checkpoint that the command
writes, whatever framework it uses. Put the command behind \`--\`. No shell reads it.

The gate is that of \`git theta provenance check\`: in strict mode a command is not started with
uncommitted code, in relaxed mode there is a warning. With \`--snapshot\` uncommitted code, untracked files
included, is kept as by \`git theta provenance snapshot\` before the command starts, and every stamp of the run
names it. Models are not kept. When no snapshot can be made the command is not started.

The command finds the commit in its environment: \`GIT_THETA_GIT_COMMIT\`, \`GIT_THETA_GIT_BRANCH\`,
\`GIT_THETA_GIT_DIRTY\` (1 or 0, models left out), \`GIT_THETA_PROVENANCE_CODE_TREE\` and
\`GIT_THETA_PROVENANCE_STARTED\`. It has the standard streams of this one. Signals go to it; what Ctrl-C
sends in a terminal it has already.

Checkpoints are files that appear or change during the run: those that end in .ckpt, .pt, .pth, .bin,
.safetensors, .onnx or .gguf below the current folder, or those that match \`--watch\`. Not looked at are
links, \`.git\`, \`.git_theta\`, \`node_modules\` and virtual environments.

- A zip archive, as \`torch.save\` writes it, is stamped while the command runs, once it is complete and
  does not change for two looks, a second apart.
- All others, and those that are left, are stamped when the command has ended, however it ended.
- A file that is written again is stamped again. Files of before that did not change are left alone, also
  when they are renamed.

A stamp records the state of the code at the start and when the stamp was written, whether the code
changed in between, the time, and the command, with \`[redacted]\` for what looks secret: values of options
and variables such as \`--token\` or \`PASSWORD=\`, known forms of tokens, credentials in addresses, and the
values of such variables of the environment. A secret without such a name or form is recorded: hand it
over in the environment or a file.

A checkpoint that cannot be stamped (a file with several names, a signed or unfinished one) is left as it
is, and reported at the end. It does not change the exit code, which is the command's.`,
  arguments: [
    {
      name: 'command',
      required: true,
      variadic: true,
      summary: 'The program to run, and its arguments.',
    },
  ],
  options: [
    ...gateOptions,
    {
      flags: '--snapshot',
      summary:
        'Keep uncommitted code as a snapshot before the command starts, and name it in the stamps.',
    },
    {
      flags: '--watch <glob...>',
      summary:
        'Stamp the files that match, as in .gitattributes, instead of the usual ones; may be repeated.',
    },
    {
      flags: '--lightning-callback <when>',
      summary: 'Write the state of pl-git-callback; auto: where there is one already, the default.',
      choices: ['auto', 'always', 'never'],
    },
    { flags: '--json <file>', summary: 'Write what was done into this file, as JSON.' },
  ],
  examples: [
    {
      command: 'git theta provenance run --mode strict -- python train.py --epochs 3',
      summary: 'Train with committed code only, and stamp what the training writes.',
    },
    {
      command: 'git theta provenance run --snapshot -- python train.py',
      summary: 'Train with code that is not committed, and keep it.',
    },
    {
      command: "git theta provenance run --watch '/scratch/run-1/*.ckpt' -- python train.py",
      summary: 'Stamp checkpoints that are written elsewhere.',
    },
  ],
  exitStatus: {
    0: "The command succeeded. Other codes are the command's; 128 and a signal's number when one ended it.",
    125: 'The command was not started: the code is not committed, git cannot tell, or no snapshot could be made.',
    126: 'The command cannot be executed.',
    127: 'There is no such command.',
  },
  seeAlso: ['provenance check', 'provenance stamp', 'provenance verify', 'provenance snapshot'],
  wraps: true,
  async run({ args, options }) {
    const { json, ...rest } = options;
    const save = (report: Partial<RunReport>) => {
      if (json !== undefined) writeFile(json, `${formatJson(report)}\n`);
    };
    let report: RunReport;
    try {
      report = await run(args, {
        ...rest,
        onGate: noteProblems,
        // Not before the snapshot, which would have the file in it.
        onReady: (gate, made) => {
          if (made) note(`git-theta: uncommitted code is kept as snapshot ${made.commit}`);
          // A file that cannot be written is known before hours of training.
          save({ gate });
        },
      });
    } catch (error) {
      const code = fail(error);
      return isThetaError(error, 'ERR_THETA_USAGE') ? code : EXIT_REFUSED;
    }
    if (!report.refused) summarize(report, args[0] as string);
    try {
      save(report);
    } catch (error) {
      fail(error);
    }
    return report.exitCode;
  },
});
