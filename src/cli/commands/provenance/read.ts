/** `git theta provenance read`: which code made a checkpoint. */
import type { SixFields, Stamp } from '../../../provenance/stamp';
import { readStamp, type StampReport } from '../../../provenance/stamping';
import { defineCommand, jsonOption } from '../../command';
import { printJson } from '../../ui/json';
import { note, print, visible, warn } from '../../ui/output';
import { table } from '../../ui/table';
import { readExit } from './exits';

type Row = [label: string, value: string];

const day = (seconds: unknown): string => {
  const date = new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().replace('.000', '');
};

/** A value of a stamp, which anybody may have written, as one line. */
const text = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

function* stampRows(stamp: Stamp, where: string): Generator<Row> {
  const { git, stamped_at, run, changes, parents, content } = stamp;
  yield ['stamp', `${where}${stamped_at ? `, of ${text(stamped_at)}` : ''}`];
  yield ['commit', [text(git.commit ?? 'none'), day(git.commit_date)].join('  ').trim()];
  if (git.branch) yield ['branch', text(git.branch)];
  if (git.repo) yield ['remote', text(git.repo)];
  if (git.code_tree) yield ['code tree', text(git.code_tree)];
  const dirty = git.code_dirty ?? git.dirty;
  const { dirty_kinds: all } = git;
  const kinds = Array.isArray(all) && all.length > 0 ? `: ${all.map(text).join(', ')}` : '';
  yield ['code', dirty ? `uncommitted changes${kinds}` : dirty === false ? 'committed' : 'unknown'];
  if (changes) yield ['snapshot', text(changes.snapshot_commit)];
  if (run?.command) yield ['command', text(run.command)];
  if (run?.changed_during_run) yield ['run', 'the code changed during the run'];
  for (const parent of Array.isArray(parents) ? parents : []) {
    const { relation, commit } = { ...parent };
    yield [text(relation ?? 'parent'), `made by ${text(commit ?? 'an unknown commit')}`];
  }
  if (content?.tensor_root) yield ['content', text(content.tensor_root.value)];
}

function* sixRows(six: SixFields): Generator<Row> {
  for (const [name, value] of Object.entries(six))
    yield [name, value === null ? 'null' : text(value)];
}

function show({ path, stamp, where, six, foreign, nearby }: StampReport): void {
  print(visible(path));
  const rows: Row[] = [];
  if (stamp) {
    rows.push(...stampRows(stamp, where === 'sidecar' ? 'in the file beside it' : 'in the file'));
  }
  const callback = foreign.find(({ source }) => source === 'pl-git-callback');
  if (callback) rows.push(['', ''], ['pl-git-callback', callback.at]);
  if (callback && six) rows.push(...sixRows(six));
  for (const { source, at, fields } of foreign) {
    if (source === 'pl-git-callback') continue;
    rows.push(['', ''], [source, at]);
    for (const [name, value] of Object.entries(fields)) rows.push([name, text(value)]);
  }
  if (rows.length > 0) {
    print(table(rows.map(([label, value]) => [`  ${visible(label)}`, visible(value)])));
  } else {
    print('  no stamp');
  }
  if (nearby && !stamp) {
    note(`hint: '${visible(nearby.path)}' may be of the same run: ${nearby.six.commit_hash}`);
  }
}

export const command = defineCommand<{ json?: true }>({
  description: `Shows what a checkpoint says about the code that made it: the stamp of git-theta, in the
file or beside it; the six fields of pl-git-callback, under the class of Lightning up to 1.4 or the name of
later ones; and what Ultralytics, MMEngine, sd-scripts, ModelSpec, ModelOpt and GGUF converters leave.

A stamp in a file of its own, \`git_info.json\` and \`git-status.json\` can be named, too. Nothing in a
file is executed, and no class need be importable.

A stamp says what its writer wanted it to say: \`git theta provenance verify\` compares it.`,
  arguments: [{ name: 'file', required: true, summary: 'A checkpoint, or a log file.' }],
  options: [jsonOption],
  examples: [
    {
      command: 'git theta provenance read model.ckpt',
      summary: 'Show the commit of a checkpoint.',
    },
  ],
  exitStatus: readExit,
  seeAlso: ['provenance verify', 'provenance stamp', 'inspect'],
  async run({ args, options }) {
    const report = await readStamp(args[0] as string);
    if (options.json) printJson(report);
    else show(report);
    for (const problem of report.problems) warn(visible(problem));
    const found = report.stamp !== null || report.six !== null || report.foreign.length > 0;
    if (report.problems.length > 0) return 6;
    return found ? 0 : 3;
  },
});
