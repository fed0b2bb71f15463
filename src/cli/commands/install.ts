/** `git theta install`: configure git, once per machine. */
import { install } from '../../config/install';
import { defineCommand, dryRunOption, jsonOption } from '../command';
import { chosenScope, type ScopeOptions, scopeOptions } from '../scope';
import { hookDocument, printChanges, warnHooks } from '../ui/changes';
import { printJson } from '../ui/json';
import { note, print, visible } from '../ui/output';

interface Options extends ScopeOptions {
  skipSmudge?: true;
  force?: true;
  absolute?: true;
  dryRun?: true;
  json?: true;
}

export const command = defineCommand<Options>({
  description: `Adds the filter and the merge drivers of git-theta to git's configuration, and those of
Git LFS through \`git lfs install\`. This is needed once per user; \`git theta track\` then says which
files they are for. Running it again changes nothing.

One line goes into the attributes file of the same scope (the user's, or \`.git/info/attributes\`): a macro that gives the
files below \`.git_theta\` to git-theta's filter, which links them to their objects after a checkout. Where it is not
defined Git LFS writes them.

Values that git-theta has not written are left alone and reported, unless \`--force\` is given.

The configuration names the programs \`git-theta\` and \`git-theta-filter\`, which git finds on the PATH.
Where they are not on it, as in an installation that belongs to one project, absolute paths are
written instead, and an alias that makes \`git theta\` known to git and to the hooks.

With \`--local\` and \`--worktree\` the hooks are installed too.`,
  options: [
    ...scopeOptions,
    {
      flags: '--skip-smudge',
      summary:
        "Leave checkpoints as manifests on checkout; 'git theta pull' fetches them when they are wanted.",
    },
    { flags: '--force', summary: 'Replace values that git-theta has not written.' },
    { flags: '--absolute', summary: 'Write absolute paths of node and of the programs.' },
    dryRunOption,
    jsonOption,
  ],
  examples: [
    { command: 'git theta install', summary: 'Configure git for this user.' },
    { command: 'git theta install --local', summary: 'Configure this repository only.' },
  ],
  seeAlso: ['uninstall', 'track', 'doctor'],
  async run({ options }) {
    const report = await install({
      scope: chosenScope(options),
      skipSmudge: options.skipSmudge ?? false,
      force: options.force ?? false,
      dryRun: options.dryRun ?? false,
      ...(options.absolute && { absolute: true }),
    });
    if (options.json) {
      printJson({
        ...report,
        dryRun: options.dryRun ?? false,
        hooks: report.hooks.map(hookDocument),
      });
      return 0;
    }
    if (report.notOnPath) {
      note(
        'git-theta is not on the PATH, so absolute paths are used. They break when it is moved.',
      );
    }
    warnHooks(report.hooks);
    const where = visible(report.scope);
    if (options.dryRun) printChanges(report.changes);
    else if (report.changes.length > 0) print(`Installed git-theta in the ${where} configuration.`);
    else print(`git-theta is already installed in the ${where} configuration.`);
    return 0;
  },
});
