/** `git theta uninstall`: remove what install has written. */
import { uninstall } from '../../config/uninstall';
import { defineCommand, dryRunOption, jsonOption } from '../command';
import { chosenScope, type ScopeOptions, scopeOptions } from '../scope';
import { hookDocument, printChanges } from '../ui/changes';
import { printJson } from '../ui/json';
import { print, visible, warn } from '../ui/output';

interface Options extends ScopeOptions {
  dryRun?: true;
  json?: true;
}

export const command = defineCommand<Options>({
  description: `Removes the values that \`git theta install\` has written to the same scope. With
\`--local\` and \`--worktree\` the hooks go too, and hooks that they have replaced come back.

Values that git-theta has not written stay, and so does the configuration of Git LFS:
\`git lfs uninstall\` removes that. Checkpoints in repositories stay as they are; without the filter git
shows their manifests.`,
  options: [...scopeOptions, dryRunOption, jsonOption],
  examples: [
    { command: 'git theta uninstall', summary: "Remove git-theta from the user's configuration." },
  ],
  seeAlso: ['install', 'untrack'],
  async run({ options }) {
    const report = await uninstall({
      scope: chosenScope(options),
      dryRun: options.dryRun ?? false,
    });
    if (options.json) {
      printJson({
        ...report,
        dryRun: options.dryRun ?? false,
        hooks: report.hooks.map(hookDocument),
      });
      return 0;
    }
    for (const { key, value } of report.kept) {
      warn(`${key} was kept: git-theta has not written its value '${value}'`);
    }
    const where = visible(report.scope);
    if (options.dryRun) printChanges(report.changes);
    else if (report.changes.length > 0) print(`Removed git-theta from the ${where} configuration.`);
    else print(`git-theta is not installed in the ${where} configuration.`);
    return 0;
  },
});
