/**
 * `git theta provenance snapshot`: keep uncommitted code as a commit that no branch has.
 *
 * JSON: `snapshot`, what `snapshot()` returns, `null` for a clean tree; with `--list` `snapshots`, as `listSnapshots()`.
 */
import {
  type LeftOut,
  type ListedSnapshot,
  listSnapshots,
  type SnapshotResult,
  snapshot,
} from '../../../provenance/snapshot';
import { defineCommand, jsonOption } from '../../command';
import { count } from '../../ui/format';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { table } from '../../ui/table';
import { dayOf } from './code-text';
import { noStateExit } from './exits';

interface Options {
  dir?: string;
  push?: true;
  remote?: string;
  list?: true;
  json?: true;
}

/** Rows of what a snapshot left out. */
export function leftOutRows(leftOut: readonly LeftOut[]): string[][] {
  return leftOut.map(({ kind, path, sha256, commit }) => [
    `  ${kind}`,
    sha256 ?? commit ?? '',
    visible(path),
  ]);
}

function show({ id, commit, parent, files, created, pushed, leftOut }: SnapshotResult): void {
  const on = parent === null ? 'before the first commit' : `on ${parent.slice(0, 12)}`;
  print(`${created ? 'Snapshot' : 'The snapshot is there already:'} ${id}`);
  print(`  ${commit}, ${count(files, 'changed file')} ${on}`);
  if (pushed !== null) print(`  pushed to ${visible(pushed)}`);
  if (leftOut.length === 0) return;
  print('Left out:');
  print(table(leftOutRows(leftOut)));
}

function showList(all: readonly ListedSnapshot[]): void {
  const rows = all.map(({ id, date, parent }) => [
    id,
    dayOf(date),
    parent === null ? 'before the first commit' : `on ${parent.slice(0, 12)}`,
  ]);
  if (rows.length > 0) print(table(rows));
}

export const command = defineCommand<Options>({
  description: `Keeps the code as it is in the work tree, with untracked files, as a commit below
\`refs/theta/snapshots/\`. No branch has it, and neither the index nor the files change. Files are kept byte
for byte. Of a clean work tree no snapshot is made; changed models alone are no reason for one.

Left out are models, files over 10 MiB, repositories inside this one, and what git ignores. For models and
large files the SHA-256 is recorded.

The same files on the same commit are the same snapshot. Its date is that of the commit, or
\`SOURCE_DATE_EPOCH\`. To delete one:

    git update-ref -d refs/theta/snapshots/ID

Others get the snapshots of a remote with

    git fetch origin 'refs/theta/snapshots/*:refs/theta/snapshots/*'`,
  options: [
    {
      flags: '--dir <folder>',
      summary: 'A folder of the repository with the code; default: the current one.',
    },
    { flags: '--push', summary: 'Push it, too. Secrets in untracked files are pushed with it.' },
    {
      flags: '--remote <name>',
      summary: 'Push it there; default of --push: where the branch is pushed to, else origin.',
    },
    {
      flags: '--list',
      summary: 'List the snapshots that are here.',
      conflicts: ['push', 'remote'],
    },
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance snapshot --push',
      summary: 'Keep the code of an experiment, here and on the server.',
    },
    {
      command: 'git theta provenance snapshot --list',
      summary: 'Show what was kept.',
    },
  ],
  exitStatus: {
    ...noStateExit,
    8: 'Something was committed again and again meanwhile.',
    9: 'A file could not be read, or the push failed; the snapshot is then kept here.',
  },
  seeAlso: ['provenance restore', 'provenance stamp', 'provenance trace'],
  async run({ options, signal }) {
    const { json, list, remote, ...rest } = options;
    if (list) {
      const all = await listSnapshots({ ...rest, signal });
      if (json) printJson({ snapshots: all });
      else showList(all);
      return 0;
    }
    const push = rest.push ?? remote !== undefined;
    const made = await snapshot({ ...rest, push, remote, signal });
    if (json) printJson({ snapshot: made });
    else if (made) show(made);
    else print('The code is that of HEAD: there is nothing to keep.');
    return 0;
  },
});
