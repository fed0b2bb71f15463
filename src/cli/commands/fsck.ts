/** `git theta fsck`: check that every checkpoint can be rebuilt. */
import { Repository } from '../../git/repository';
import { type Finding, type FsckReport, fsck } from '../../road/fsck';
import { repair } from '../../road/repair';
import { defineCommand, jsonOption, quietOption } from '../command';
import { count } from '../ui/format';
import { printJson } from '../ui/json';
import { note, print, visible } from '../ui/output';
import { progress } from '../ui/progress';

interface Options {
  json?: true;
  quiet?: true;
  repair?: true;
}

const LISTED = 10;

function lines({ kind, path, place, objects, files }: Finding): string[] {
  const where = `${visible(path)} (${place})`;
  if (kind === 'commit-store') {
    return [
      `${where}: ${count(files, 'entry', 'entries')} of its store in the commit differ from its manifest`,
    ];
  }
  if (kind === 'store-file') return [`${where}: ${count(files, 'store file')} with other content`];
  if (kind === 'stale' && place === 'work tree')
    return [`${where}: stale, ${count(files, 'store file')} of another version`];
  if (kind === 'stale')
    return [`${where}: stale, ${count(files, 'store entry', 'store entries')} behind its manifest`];
  const shown = objects.slice(0, LISTED).map(({ oid, size }) => `  ${oid} (${size} bytes)`);
  if (objects.length > LISTED) shown.push(`  and ${objects.length - LISTED} more`);
  return [`${where}: ${count(objects.length, 'object')} ${kind}`, ...shown];
}

function hint(report: FsckReport, repaired: boolean): string | null {
  if (report.findings.length === 0) return null;
  const kinds = new Set(report.findings.map(({ kind }) => kind));
  if (!repaired) return "hint: Repair what can be repaired with 'git theta fsck --repair'.";
  if (kinds.has('missing')) return 'hint: What is still missing is on no remote that was asked.';
  if (kinds.has('commit-store')) {
    return "hint: The index is right now. Commit it, or 'git commit --amend' where HEAD is not published.";
  }
  return null;
}

export const command = defineCommand<Options>({
  description: `Checks the checkpoints of HEAD and the index: every object that their manifests name is
here and has the bytes that its name says; the commit's store tree is the manifest's; the tensors
below \`.git_theta/\` in the work tree are intact. An index whose store lags behind its manifests,
as after plain \`git add\`, is reported as stale and is no error.

With \`--repair\`, corrupt objects are removed and objects restored from where they still are: kept
copies, tensor files in the work tree, the checkpoints themselves, the remote. Then the index is
completed. Commits are never changed.`,
  arguments: [
    { name: 'path', variadic: true, summary: 'Checkpoints to check; default: all tracked ones.' },
  ],
  options: [
    { flags: '--repair', summary: 'Restore what can be restored.' },
    quietOption,
    jsonOption,
  ],
  examples: [
    { command: 'git theta fsck', summary: 'Check all checkpoints.' },
    { command: 'git theta fsck --repair', summary: 'Restore what is missing or corrupt.' },
  ],
  exitStatus: { 1: 'Something is missing or corrupt, or a commit disagrees with its manifests.' },
  seeAlso: ['fetch', 'prune', 'doctor'],
  async run({ args, options, signal }) {
    const repo = await Repository.discover(undefined, { bare: true });
    const bar = progress('Checking', { quiet: options.quiet });
    const work = { signal, onProgress: bar.onProgress };
    const check = async () => {
      const found = await fsck(repo, args, work);
      return options.repair && found.findings.length > 0 ? repair(repo, args, found, work) : found;
    };
    const report = await check().finally(bar.done);
    if (options.json) printJson({ ...report });
    else {
      for (const finding of report.findings) for (const line of lines(finding)) print(line);
      const summary = `Checked ${count(report.models, 'checkpoint')} with ${count(report.objects, 'object')}`;
      if (!options.quiet)
        print(`${summary}: ${report.ok ? 'all can be rebuilt' : 'something is wrong'}.`);
      const next = hint(report, options.repair ?? false);
      if (next && !options.quiet) note(next);
    }
    return report.ok ? 0 : 1;
  },
});
