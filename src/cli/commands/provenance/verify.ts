/** `git theta provenance verify`: whether a checkpoint fits the code that is here. */
import {
  MATCH_LEVELS,
  type MatchLevel,
  type VerifyReport,
  verifyStamp,
} from '../../../provenance/stamping';
import { defineCommand, jsonOption, quietOption } from '../../command';
import { printJson } from '../../ui/json';
import { print, visible, warn } from '../../ui/output';
import { progress } from '../../ui/progress';
import { table } from '../../ui/table';
import { noStateExit, readExit } from './exits';

interface Options {
  dir?: string;
  mode?: 'strict' | 'relaxed';
  match?: MatchLevel;
  quick?: true;
  publicKey?: string;
  root?: string[];
  quiet?: true;
  json?: true;
}

/** The exit code: of content that was changed before that of a signature, and of that before that of other code. */
function statusOf({ ok, results }: VerifyReport): number {
  if (ok) return 0;
  const failed = new Set(results.map(({ check, result }) => (result === 'failed' ? check : null)));
  if (failed.has('content') || failed.has('integrity')) return 4;
  return failed.has('signature') ? 5 : 1;
}

export const command = defineCommand<Options>({
  description: `Compares the stamp of a checkpoint with the code that is here, and the checkpoint with its
stamp. Each result is one line:

- code: is it the same? By default the tree without models is compared, so that a commit of models is
  no other code. \`--match\` chooses another level.
- changes: is the code here committed?
- training: was it committed when the checkpoint was stamped?
- content: are the tensors those that were stamped? This also finds a stamp that was copied from another
  file.
- integrity: is the file without its stamp the one of before?
- signature: where one covers the file, or a key or root is given, does it hold?

In relaxed mode, the default, other code is a warning. In strict mode it is an error. Content that was
changed and a signature that does not hold are errors in both. Branches, dates and counts are never compared.

Checkpoints that pl-git-callback stamped are compared by their commit.`,
  arguments: [{ name: 'file', required: true, summary: 'A stamped checkpoint.' }],
  options: [
    {
      flags: '--mode <mode>',
      summary: 'What other code is; default: relaxed.',
      choices: ['strict', 'relaxed'],
    },
    {
      flags: '--match <level>',
      summary: 'What has to be the same; default: code.',
      choices: [...MATCH_LEVELS],
    },
    {
      flags: '--dir <folder>',
      summary: 'A folder of the repository with the code; default: the current one.',
    },
    { flags: '--quick', summary: 'Leave out content and integrity, which read the whole file.' },
    { flags: '--public-key <file>', summary: 'The public key that must have signed, in PEM.' },
    { flags: '--root <file...>', summary: 'Certificates to trust as roots, in PEM.' },
    quietOption,
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance verify --mode strict model.ckpt && python evaluate.py',
      summary: 'Evaluate with the code of the training only.',
    },
    {
      command: 'git theta provenance verify --match ancestor model.ckpt',
      summary: 'Accept code that goes on from that of the checkpoint.',
    },
  ],
  exitStatus: {
    ...noStateExit,
    ...readExit,
    1: 'The code is another one, or is or was not committed, in strict mode.',
    4: 'The content is not what was stamped.',
    5: 'The signature does not hold, the signer is not trusted, or there is none.',
  },
  seeAlso: ['provenance read', 'provenance stamp', 'provenance verify-signature'],
  async run({ args, options, signal }) {
    const path = args[0] as string;
    const { json, quiet, root: roots, ...rest } = options;
    const bar = progress(`Verifying ${path}`, { quiet: quiet ?? json });
    const report = await verifyStamp(path, {
      ...rest,
      roots,
      signal,
      onProgress: bar.onProgress,
    }).finally(bar.done);
    const status = statusOf(report);
    if (json) printJson(report);
    else if (!quiet) {
      const rows = report.results.map((r) => [`  ${r.check}`, r.result, visible(r.message)]);
      const failed = report.results.some(({ result }) => result === 'failed');
      const verdict = failed ? 'verified, but for the code' : 'verified';
      print(`${visible(path)}: ${report.ok ? verdict : 'NOT verified'}`);
      print(table(rows));
      if (report.ok && failed) warn('the code is not that of the checkpoint, see above');
    }
    return status;
  },
});
