/** `git theta status`: changed checkpoints, with counts of changed tensors. */
import { Repository } from '../../git/repository';
import { type ModelStatus, status, type TensorChanges } from '../../road/status';
import { defineCommand, jsonOption, quietOption } from '../command';
import { count } from '../ui/format';
import { printJson } from '../ui/json';
import { print, visible } from '../ui/output';
import { progress } from '../ui/progress';
import { stampLine } from '../ui/stamp';

interface Options {
  json?: true;
  quiet?: true;
}

const WORKTREE: Record<ModelStatus['worktree'], string> = {
  none: '',
  modified: 'modified, not staged',
  missing: 'missing from the work tree',
  manifest: 'left as a manifest',
  untracked: 'not in git yet',
};

/** `2 tensors changed, 1 added`; `only other data changed` where all tensors are the same. */
function changes(found: TensorChanges | null): string {
  if (!found) return '';
  const parts: string[] = [];
  if (found.changed > 0) parts.push(`${count(found.changed, 'tensor')} changed`);
  if (found.added > 0) parts.push(`${count(found.added, 'tensor')} added`);
  if (found.removed > 0) parts.push(`${count(found.removed, 'tensor')} removed`);
  if (parts.length === 0)
    parts.push(found.other ? 'no tensor changed, other data did' : 'no change');
  return ` (${parts.join(', ')})`;
}

function describe(model: ModelStatus): string {
  const parts: string[] = [];
  if (model.staged === 'conflict') parts.push('in conflict');
  else if (model.staged !== 'none')
    parts.push(`staged as ${model.staged}${changes(model.stagedTensors)}`);
  if (model.worktree !== 'none')
    parts.push(WORKTREE[model.worktree] + changes(model.worktreeTensors));
  if (!model.storeComplete) parts.push('tensors are staged at commit');
  return `${visible(model.path)}: ${parts.length > 0 ? parts.join('; ') : 'unchanged'}`;
}

export const command = defineCommand<Options>({
  description: `Shows for every tracked checkpoint how the index differs from HEAD and the work tree
from the index, and how many tensors that concerns. A checkpoint that git takes for modified is read
once; of all others only the header is. When a checkpoint says which code made it, a second line tells
the commit (\`git theta provenance read\` shows the rest). In a repository that you may not write to, this
needs room for what has changed in the system's temporary folder.`,
  arguments: [
    { name: 'path', variadic: true, summary: 'Checkpoints, folders or globs; default: all.' },
  ],
  options: [quietOption, jsonOption],
  examples: [{ command: 'git theta status', summary: 'Show all tracked checkpoints.' }],
  seeAlso: ['add', 'ls-files', 'fsck', 'provenance read'],
  async run({ args, options, signal }) {
    const repo = await Repository.discover();
    const bar = progress('Reading', { quiet: options.quiet });
    const models = await status(repo, args, { signal, onProgress: bar.onProgress }).finally(
      bar.done,
    );
    if (options.json) printJson({ models });
    else if (models.length === 0) print('No tracked checkpoints.');
    else {
      for (const model of models) {
        print(describe(model));
        if (model.stamp) print(`  stamp: ${stampLine(model.stamp)}`);
      }
    }
    return 0;
  },
});
