/** `git theta doctor`: check the set-up. */
import { type Check, type CheckStatus, diagnose } from '../../config/doctor';
import { defineCommand, jsonOption } from '../command';
import { colours, type Style } from '../ui/colour';
import { count } from '../ui/format';
import { printJson } from '../ui/json';
import { note, print, visible } from '../ui/output';

const STYLES: Readonly<Record<CheckStatus, Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

function line({ status, message, fix }: Check): string {
  const label = colours(process.stdout).paint(STYLES[status], status.padEnd(4));
  return `${label}  ${visible(message)}${fix ? `\n      fix: ${visible(fix)}` : ''}`;
}

export const command = defineCommand<{ json?: true }>({
  description: `Checks what git-theta needs and says for each finding which command repairs it. Nothing
is changed. The checks:

- node, git and Git LFS are there and new enough
- the filters and merge drivers are configured, git finds their programs, and git asks the filters in
  the right order
- the hooks are called, also where husky, lefthook or \`core.hooksPath\` manage them
- the attributes of the store are there and staged
- checkpoints in the work tree are complete, and their objects are here
- store files can share disk space with the objects of Git LFS

The checks of a repository are left out outside of one.`,
  options: [jsonOption],
  exitStatus: { 1: 'At least one check failed. Warnings do not count.' },
  seeAlso: ['install', 'env', 'fsck'],
  async run({ options }) {
    const diagnosis = await diagnose();
    if (options.json) printJson(diagnosis);
    else {
      for (const check of diagnosis.checks) print(line(check));
      const wrong = (status: CheckStatus) =>
        diagnosis.checks.filter((c) => c.status === status).length;
      print(`${count(wrong('fail'), 'failure')}, ${count(wrong('warn'), 'warning')}.`);
      if (diagnosis.workTree === undefined) {
        note('Not in a repository with a work tree: only the machine was checked.');
      }
    }
    return diagnosis.ok ? 0 : 1;
  },
});
