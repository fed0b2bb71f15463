/** `git theta track`: say which files are checkpoints, or list them. */
import { missingFilterValues } from '../../config/installed';
import { type TrackReport, track } from '../../config/track';
import { trackedPatterns } from '../../config/tracked';
import { Repository } from '../../git/repository';
import { defineCommand, dryRunOption, jsonOption } from '../command';
import { hookDocument, warnHooks } from '../ui/changes';
import { printJson } from '../ui/json';
import { print, visible, warn } from '../ui/output';

interface Options {
  dryRun?: true;
  json?: true;
}

async function list(repo: Repository, json: boolean): Promise<void> {
  const patterns = await trackedPatterns(repo);
  if (json) printJson({ patterns });
  else
    for (const { pattern, source } of patterns) print(`${visible(pattern)} (${visible(source)})`);
}

function report({ results, raw, overridden, hooks }: TrackReport, dryRun: boolean): void {
  for (const { pattern, changed } of results) {
    const name = visible(pattern);
    if (!changed) print(`${name} is already tracked.`);
    else print(dryRun ? `Would track ${name}.` : `Tracking ${name}.`);
  }
  for (const path of raw) {
    warn(
      `'${path}' is in git as a whole file`,
      `Run 'git theta add' for it to store it tensor by tensor. Earlier commits stay as they are.`,
    );
  }
  for (const { path, filter } of overridden) {
    warn(
      `'${path}' is not handled by git-theta: another attribute file says ${filter ? `filter=${filter}` : 'no filter'}`,
      `See which one with: git check-attr filter -- '${path}'`,
    );
  }
  warnHooks(hooks);
}

export const command = defineCommand<Options>({
  description: `Writes the two lines to \`.gitattributes\` that make git-theta version a checkpoint: one
for the checkpoint, one for its tensors below \`.git_theta/\`. \`git theta add\` then stores it and
stages the attribute files with it; nothing is staged before. The hooks of the repository are
installed too.

The name of an existing file stands for that file; a folder stands for the weights in it and below, found
by their content: shards, checkpoints, distributed checkpoints. Index files, configurations and
tokenizers there are left to git. \`'models/**'\` is everything below a folder. Anything
else is a pattern as in \`gitattributes\`, to be quoted for the shell. A pattern without a slash
matches in subfolders too. Typed in a subfolder, it is about that subfolder. The lines are always
written to the file at the root of the work tree.

Without a pattern, the tracked patterns are listed, each with the file in which it stands.`,
  arguments: [
    {
      name: 'pattern',
      variadic: true,
      summary: 'Files, folders with weights, or patterns. Without any, list what is tracked.',
    },
  ],
  options: [dryRunOption, jsonOption],
  examples: [
    { command: 'git theta track model.pt', summary: 'Track one checkpoint.' },
    { command: "git theta track '*.safetensors'", summary: 'Track every checkpoint of a kind.' },
    {
      command: 'git theta track models/llama/',
      summary: 'Track the weights of a model of several files.',
    },
    { command: 'git theta track', summary: 'List what is tracked.' },
  ],
  seeAlso: ['untrack', 'install'],
  async run({ args, options }) {
    const repo = await Repository.discover();
    const { dryRun = false, json = false } = options;
    if (args.length === 0) {
      await list(repo, json);
      return 0;
    }
    const done = await track(repo, args, { dryRun });
    if (json) printJson({ ...done, dryRun, hooks: done.hooks.map(hookDocument) });
    else report(done, dryRun);
    if ((await missingFilterValues(repo.workTree)).length > 0) {
      warn('the filters of git-theta are not installed', "Run 'git theta install'.");
    }
    return 0;
  },
});
