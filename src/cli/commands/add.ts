/** `git theta add`: stage checkpoints tensor by tensor. */
import { Repository } from '../../git/repository';
import { type AddedModel, add } from '../../road/add';
import { defineCommand, dryRunOption, jsonOption, quietOption } from '../command';
import { bytes, count } from '../ui/format';
import { printJson } from '../ui/json';
import { note, print, visible } from '../ui/output';
import { type Progress, progress } from '../ui/progress';

interface Options {
  dryRun?: true;
  json?: true;
  quiet?: true;
}

function sentence(model: AddedModel, dryRun: boolean): string {
  const path = visible(model.path);
  const verb = (done: string) => (dryRun ? `Would stage ${path}` : `${done} ${path}`);
  const stored = model.objects > 0 ? `, ${bytes(model.bytes)} stored` : '';
  if (model.action === 'unchanged') return `${path} is unchanged.`;
  if (model.action === 'deleted')
    return `${verb('Staged the removal of')}${dryRun ? ' as removed' : ''}.`;
  if (model.action === 'added')
    return `${verb('Staged')}: ${count(model.tensors, 'tensor')}${stored}.`;
  const parts = (['changed', 'added', 'removed'] as const)
    .filter((kind) => model[kind] > 0)
    .map((kind) => `, ${model[kind]} ${kind}`);
  return `${verb('Staged')}: ${count(model.tensors, 'tensor')}${parts.join('')}${stored}.`;
}

export const command = defineCommand<Options>({
  description: `Reads checkpoints, stores the tensors that are new as Git LFS objects, and stages the
checkpoints' manifests, their tensors below \`.git_theta/\` and the attribute files. Each file is read
once; a tensor that has not changed costs nothing else. A tracked file that has been deleted is
staged as removed, with its tensors.

A folder stands for the tracked checkpoints in it, and quoted globs are git's own. Plain \`git add\`
stages a checkpoint too, only slower: the tensors are then staged at commit time by a hook.`,
  arguments: [
    { name: 'path', required: true, variadic: true, summary: 'Checkpoints, folders or globs.' },
  ],
  options: [dryRunOption, quietOption, jsonOption],
  examples: [
    { command: 'git theta add model.pt', summary: 'Stage one checkpoint.' },
    { command: 'git theta add .', summary: 'Stage every tracked checkpoint below this folder.' },
  ],
  seeAlso: ['track', 'status', 'checkout'],
  async run({ args, options, signal }) {
    const repo = await Repository.discover();
    const { dryRun = false, json = false, quiet } = options;
    let bar: Progress | undefined;
    try {
      const models = await add(repo, args, {
        dryRun,
        signal,
        onModel: (path) => {
          bar?.done();
          bar = progress(`Adding ${path}`, { quiet });
        },
        onProgress: (event) => bar?.onProgress(event),
      });
      bar?.done();
      if (json) printJson({ models, dryRun });
      else if (!quiet) for (const model of models) print(sentence(model, dryRun));
      if (models.length === 0 && !json && !quiet) note('No tracked checkpoint was found there.');
      return 0;
    } finally {
      bar?.done();
    }
  },
});
