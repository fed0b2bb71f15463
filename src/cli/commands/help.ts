/** `git theta help`: the manual as text, where `man` has no page or there is no `man`. */
import { ThetaError } from '../../errors';
import { defineCommand } from '../command';
import { manualText } from '../docs/manual';
import { print } from '../ui/output';

export const command = defineCommand({
  description: `Prints the manual of a command; without a command, that of git-theta with the list of
all commands. \`git theta --help\` and \`man git-theta-track\` show the same pages when git-theta is
installed globally; \`git theta track -h\` shows the usage only.`,
  arguments: [{ name: 'command', summary: 'The command whose manual is wanted.', variadic: true }],
  examples: [{ command: 'git theta help track', summary: "Read the manual of 'git theta track'." }],
  async run({ args }) {
    const name = args.length > 0 ? args.join(' ') : undefined;
    const text = await manualText(name);
    if (text === '') {
      throw new ThetaError('ERR_THETA_USAGE', `there is no command '${name}'`, {
        hint: "Run 'git theta help' to see all commands.",
      });
    }
    print(text);
    return 0;
  },
});
