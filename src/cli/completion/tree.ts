/** What can be completed: commands, their options, and the words that an argument may be. */
import { COMMANDS } from '../commands/table';

/** An option as it is typed, such as `--dry-run`, and what it does. */
export interface CompletionOption {
  readonly long: string;
  readonly summary: string;
  /** Whether a value follows. */
  readonly value: boolean;
}

/** One command. */
export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletionOption[];
  /** The words that its arguments may be; none: files. */
  readonly words: readonly string[];
}

/** All commands, in the table's order. */
export async function completionTree(): Promise<CompletionCommand[]> {
  const commands: CompletionCommand[] = [];
  for (const { name, summary, load } of COMMANDS) {
    const { command } = await load();
    const options = (command.options ?? []).flatMap((option) => {
      const long = /--[a-z-]+/.exec(option.flags)?.[0];
      return long ? [{ long, summary: option.summary, value: /[<[]/.test(option.flags) }] : [];
    });
    const words =
      name === 'help'
        ? COMMANDS.map((entry) => entry.name)
        : (command.arguments ?? []).flatMap((argument) => argument.choices ?? []);
    commands.push({ name, summary, options, words });
  }
  return commands;
}
