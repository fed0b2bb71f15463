/** `git theta ls-files`: the checkpoints and tensors that git has. */
import { Repository } from '../../git/repository';
import { type ListedModel, listModels } from '../../road/ls-files';
import { defineCommand, jsonOption } from '../command';
import { bytes, count } from '../ui/format';
import { printJson } from '../ui/json';
import { print, visible } from '../ui/output';
import { table } from '../ui/table';
import { formatCell, TENSOR_COLUMNS, tensorRow } from '../ui/tensors';

interface Options {
  json?: true;
  rev?: string;
  tensors?: true;
}

function row(model: ListedModel): string[] {
  const { path, format, reason } = model;
  if (format === null) return [visible(path), 'stored whole by git', '', '', ''];
  const tensors = count(model.tensorCount, 'tensor');
  return [
    visible(path),
    formatCell(format, reason),
    tensors,
    bytes(model.bytes),
    `${bytes(model.stored)} stored`,
  ];
}

function printTensors(model: ListedModel): void {
  const rows = (model.tensors ?? []).map(tensorRow);
  if (rows.length > 0) print(table(rows, { align: TENSOR_COLUMNS }));
}

export const command = defineCommand<Options>({
  description: `Lists the checkpoints that git has as manifests: format, tensors, the size of their
values, and what their objects take. With \`--tensors\`, lists the tensors too, each with dtype, shape,
size and the start of its hash. Nothing but manifests is read.`,
  arguments: [
    { name: 'path', variadic: true, summary: 'Checkpoints, folders or globs; default: all.' },
  ],
  options: [
    { flags: '--tensors', summary: 'List the tensors of each checkpoint.' },
    { flags: '--rev <revision>', summary: 'List a commit or tree instead of the index.' },
    jsonOption,
  ],
  examples: [
    { command: 'git theta ls-files', summary: 'List the checkpoints in the index.' },
    { command: 'git theta ls-files --tensors model.pt', summary: 'List the tensors of one.' },
    { command: 'git theta ls-files --rev HEAD~1', summary: 'List those of an earlier commit.' },
  ],
  seeAlso: ['status', 'track'],
  async run({ args, options }) {
    const repo = await Repository.discover(undefined, { bare: options.rev !== undefined });
    const { rev, tensors } = options;
    const models = await listModels(repo, args, { rev, tensors });
    if (options.json) {
      printJson({ models });
      return 0;
    }
    if (!tensors && models.length > 0) {
      print(table(models.map(row), { align: ['left', 'left', 'right', 'right', 'right'] }));
    }
    for (const model of tensors ? models : []) {
      print(row(model).filter(Boolean).join('  '));
      printTensors(model);
    }
    return 0;
  },
});
