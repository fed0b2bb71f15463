/** `git theta inspect`: what is in a checkpoint file. */
import {
  type InspectedFile,
  type InspectedTensor,
  type Inspection,
  inspect,
} from '../../api/inspect';
import { defineCommand, jsonOption } from '../command';
import { bytes, count } from '../ui/format';
import { printJson } from '../ui/json';
import { note, print, visible, warn } from '../ui/output';
import { progress } from '../ui/progress';
import { stampLine } from '../ui/stamp';
import { table } from '../ui/table';
import { formatCell, TENSOR_COLUMNS, tensorRow } from '../ui/tensors';
import { tree } from '../ui/tree';

interface Options {
  json?: true;
  tree?: true;
  tensors?: string;
  hash?: true;
}

function remark({ same, viewOf, unread, file }: InspectedTensor): string {
  if (same !== undefined) return `same as ${visible(same)}`;
  if (viewOf !== undefined) return `view of ${visible(viewOf)}`;
  if (unread !== undefined) return visible(unread);
  return file === undefined ? '' : visible(file);
}

function printHead(path: string, found: Inspection, chosen: boolean): void {
  const { format, reason, writer, size, parameters, bytesRead, objects, globals } = found;
  const rows = [['format', formatCell(format, reason)]];
  if (writer !== undefined) rows.push(['writer', visible(writer)]);
  if (size !== undefined) rows.push(['size', bytes(size)]);
  if (bytesRead !== undefined) rows.push(['read', bytes(bytesRead)]);
  const { length } = found.tensors;
  rows.push(['tensors', chosen ? `${length} of that name` : `${length}`]);
  rows.push(['parameters', parameters.toLocaleString('en')]);
  if (found.stamp) rows.push(['stamp', stampLine(found.stamp)]);
  if (objects !== undefined) rows.push(['objects', 'shown by --tree']);
  if (globals) rows.push(['globals', globalsLine(globals, found.weightsOnly?.because ?? [])]);
  print(visible(path));
  print(table(rows.map(([key = '', value = '']) => [`  ${key}`, value])));
}

/** How many there are; those that torch does not allow are named with the reasons. */
function globalsLine(globals: readonly string[], because: readonly string[]): string {
  const refused = globals.filter((name) => because.some((line) => line.startsWith(`${name} is `)));
  const rest = refused.length > 0 ? `, of which ${refused.length} are not allowed` : '';
  return `${globals.length}${rest}`;
}

function printTensors(tensors: readonly InspectedTensor[]): void {
  const rows = tensors.map((tensor) => [...tensorRow(tensor), remark(tensor)]);
  if (rows.length === 0) return;
  print();
  print(table(rows, { align: TENSOR_COLUMNS }));
}

function printFiles(files: readonly InspectedFile[]): void {
  print();
  print('files');
  const rows = files.map((file) => [
    `  ${visible(file.path)}`,
    visible(file.format),
    count(file.tensors, 'tensor'),
    bytes(file.bytes),
  ]);
  print(table(rows, { align: ['left', 'left', 'right', 'right'] }));
}

function printVerdict({ weightsOnly }: Inspection): void {
  if (!weightsOnly) return;
  const { loads, rules, because } = weightsOnly;
  print();
  print(
    `torch.load(weights_only=True) ${loads ? 'loads' : 'refuses'} it, by the rules of ${rules}`,
  );
  for (const line of because) print(`  ${visible(line)}`);
}

function printTree({ objects, globals }: Inspection): void {
  if (globals) {
    print();
    print('globals');
    for (const name of globals) print(`  ${visible(name)}`);
  }
  if (objects !== undefined) {
    print();
    print('objects');
    for (const line of tree(objects, '  ')) print(line);
  }
}

export const command = defineCommand<Options>({
  description: `Shows what a checkpoint is made of: its format and what wrote it; its tensors, each with
dtype, shape, size, and the one whose bytes it shares; how many numbers they have; what else is in it;
the globals that a pickle names, and whether \`torch.load(weights_only=True)\` accepts them, by the rules
of the version that is named. That verdict is about what a pickle asks for, not about whether the file
is whole.

Headers alone are read, and nothing in the file is executed. The file need not be tracked, and this
works outside of repositories too.

A folder is shown as one model: its shards by their \`*.index.json\`, a distributed checkpoint by its
\`.metadata\`, an ONNX model with its external data, a TensorFlow checkpoint with its data files. Such an
index can be named instead. Whatever is missing there or contradicts itself is a warning, and the exit
status is 1.

\`REV:PATH\` is a file of a commit, branch or tag, and \`:PATH\` one of the index, PATH counted from the
root of the work tree. Its tensors come from the manifest, with their hashes, and nothing is downloaded. A
file that exists under the whole name goes first.`,
  arguments: [
    {
      name: 'file',
      required: true,
      summary: 'A file or folder, or REV:PATH for a file of a commit.',
    },
  ],
  options: [
    { flags: '--tree', summary: 'Show what is no tensor as a tree, and all globals.' },
    { flags: '--tensors <glob>', summary: 'Show only tensors whose names match, such as *weight.' },
    { flags: '--hash', summary: 'Hash the tensors, which reads the whole file.' },
    jsonOption,
  ],
  examples: [
    { command: 'git theta inspect model.pt', summary: 'Show what is in a file.' },
    {
      command: 'git theta inspect --tree HEAD~1:model.ckpt',
      summary: 'Show epoch, hyper-parameters and optimizer of an earlier commit.',
    },
    {
      command: 'git theta inspect checkpoints/step-1000/',
      summary: 'Show a sharded model, and check that it is complete.',
    },
    {
      command: "git theta inspect --json --tensors '*bias' model.safetensors",
      summary: 'List some tensors for a program.',
    },
  ],
  seeAlso: ['ls-files', 'status'],
  async run({ args, options, signal }) {
    const path = args[0] as string;
    const { tensors, hash } = options;
    const bar = progress(`Hashing ${path}`, { quiet: !hash });
    const found = await inspect(path, {
      tensors,
      hash,
      signal,
      onProgress: bar.onProgress,
    }).finally(bar.done);
    const problems = found.problems ?? [];
    const status = problems.length > 0 ? 1 : 0;
    if (options.json) {
      printJson({ path, ...found });
      return status;
    }
    for (const text of found.notes ?? []) note(`note: ${visible(text)}`);
    printHead(path, found, tensors !== undefined);
    if (found.files) printFiles(found.files);
    printTensors(found.tensors);
    printVerdict(found);
    if (options.tree) printTree(found);
    for (const problem of problems) warn(visible(problem));
    return status;
  },
});
