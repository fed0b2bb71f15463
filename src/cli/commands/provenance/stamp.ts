/** `git theta provenance stamp`: write into checkpoints which code made them. */
import {
  type CallbackMode,
  type StampOptions,
  type StampResult,
  stamp,
} from '../../../provenance/stamping';
import { defineCommand, dryRunOption, jsonOption, quietOption } from '../../command';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { progress } from '../../ui/progress';
import { noStateExit, writeExit } from './exits';

interface Options {
  dir?: string;
  sidecar?: true;
  snapshot?: true;
  force?: true;
  inPlace?: true;
  lightningCallback?: CallbackMode;
  dryRun?: true;
  quiet?: true;
  json?: true;
}

function sentence({ path, where, written, because, stamp }: StampResult, dryRun: boolean): string {
  const place = where === 'file' ? visible(path) : `${visible(path)}.provenance.json`;
  const why = because === null ? '' : ` (${visible(because)})`;
  const { commit, code_dirty: dirty } = stamp.git;
  const snapshot = stamp.changes?.snapshot_commit;
  const changes = snapshot
    ? `, with snapshot ${visible(snapshot)}`
    : dirty
      ? ', with uncommitted changes'
      : '';
  const code = `${commit ?? 'no commit'}${changes}`;
  if (written) return `Stamped ${place}: ${code}${why}`;
  return dryRun ? `Would stamp ${place}: ${code}${why}` : `${place} is stamped already: ${code}`;
}

export const command = defineCommand<Options>({
  description: `Writes a stamp into checkpoints that exist: the commit, whether the code was changed, and
hashes of the content. Values of tensors are not touched.

- Files of \`torch.save\`: a record is appended. The file of before stays at the beginning, so only a
  little is written where the file system can share it.
- safetensors: an entry of the metadata, with room for later stamps.
- ONNX: two entries of the metadata, appended. GGUF: two keys.
- Everything else: a file beside it, \`FILE.provenance.json\`.

A checkpoint of Lightning gets the stamp as key \`git_theta_provenance\`, too, where
\`torch.load(weights_only=True)\` accepts it. With \`--lightning-callback always\` the state of
pl-git-callback is written, which that callback reads on Lightning 1.5 to 1.7.

With \`--snapshot\` uncommitted code is kept as by \`git theta provenance snapshot\`, and the stamp names
it. The snapshot says nothing of models, so that all checkpoints of a run have the same. A dry run makes
none.

The file keeps its mode and its times. A stamp that says the same, but for the time, is left as it is;
another one is replaced. The new file takes the place of the old one when it is complete. With
\`--in-place\` a stamp that is appended is written behind the file itself: nothing is copied, a failure
puts the bytes of before back, but a kill in the midst leaves a file whose end is missing.

Links, files with several names, and signed files are refused. Sign last: a
stamp changes the file.`,
  arguments: [
    {
      name: 'file',
      required: true,
      variadic: true,
      summary: 'Checkpoints to write the stamp into.',
    },
  ],
  options: [
    {
      flags: '--dir <folder>',
      summary: 'A folder of the repository with the code; default: the current one.',
    },
    {
      flags: '--snapshot',
      summary: 'Keep uncommitted code, untracked files included, and name it in the stamp.',
    },
    { flags: '--sidecar', summary: 'Write the stamp into FILE.provenance.json.' },
    {
      flags: '--lightning-callback <when>',
      summary: 'Write the state of pl-git-callback; auto: where there is one already, the default.',
      choices: ['auto', 'always', 'never'],
    },
    {
      flags: '--in-place',
      summary: 'Append to the file itself instead of a copy; a kill in the midst damages it.',
    },
    { flags: '-f, --force', summary: 'Also change links, files with several names, signed files.' },
    dryRunOption,
    quietOption,
    jsonOption,
  ],
  examples: [
    { command: 'git theta provenance stamp model.ckpt', summary: 'Stamp a checkpoint.' },
    {
      command: 'git theta provenance stamp --snapshot model.ckpt',
      summary: 'Stamp it, and keep the uncommitted code that made it.',
    },
    {
      command: 'git theta provenance stamp --dry-run --json out/*.safetensors',
      summary: 'See the stamps that would be written.',
    },
  ],
  exitStatus: { ...noStateExit, ...writeExit },
  seeAlso: ['provenance read', 'provenance verify', 'provenance unstamp', 'provenance snapshot'],
  async run({ args, options, signal }) {
    const { json, quiet, dryRun = false, ...rest } = options;
    const results: StampResult[] = [];
    for (const path of args) {
      const bar = progress(`Stamping ${path}`, { quiet: quiet ?? json });
      const given: StampOptions = { ...rest, dryRun, signal, onProgress: bar.onProgress };
      const result = await stamp(path, given).finally(bar.done);
      results.push(result);
      if (!json && !quiet) print(sentence(result, dryRun));
    }
    if (json) printJson({ files: results, dryRun });
    return 0;
  },
});
