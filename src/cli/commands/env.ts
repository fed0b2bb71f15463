/** `git theta env`: what a bug report needs. */
import { collectEnvironment } from '../../config/environment';
import { version } from '../../version';
import { defineCommand, jsonOption } from '../command';
import { printJson } from '../ui/json';
import { print, visible } from '../ui/output';

export const command = defineCommand<{ json?: true }>({
  description: `Prints the versions of git-theta and of the programs it works with, where git finds
them, the folders of the repository, and the settings and environment variables that matter. Paste it
into a bug report. Addresses of remotes and servers are not in it.`,
  options: [jsonOption],
  seeAlso: ['doctor', 'version'],
  async run({ options }) {
    const environment = await collectEnvironment(version());
    if (options.json) {
      printJson(environment);
      return 0;
    }
    const { versions, ...sections } = environment;
    for (const [name, value] of Object.entries(versions)) print(`${name}: ${visible(value)}`);
    for (const [heading, entries] of Object.entries(sections)) {
      if (Object.keys(entries).length === 0) continue;
      print(`\n${heading}`);
      for (const [name, value] of Object.entries(entries)) print(`  ${name}=${visible(value)}`);
    }
    return 0;
  },
});
