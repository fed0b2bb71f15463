/** What can be completed: commands, their options, and the words that an argument may be. */
import { COMMANDS, FAMILIES, GROUPS, rowsOf } from '../commands/table';

/** An option as it is typed, such as `--dry-run`, and what it does. */
export interface CompletionOption {
  readonly long: string;
  readonly summary: string;
  /** Whether a value follows. */
  readonly value: boolean;
}

/** One command, or a family of which further words choose one. */
export interface CompletionCommand {
  /** The last word, when the command belongs to a family. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletionOption[];
  /** The words that its arguments may be; none: files. */
  readonly words: readonly string[];
  /** The commands of a family. */
  readonly members: readonly CompletionCommand[];
}

/** All commands, in the table's order. */
export async function completionTree(): Promise<CompletionCommand[]> {
  const commands: CompletionCommand[] = [];
  const members = new Map<string, CompletionCommand[]>();
  for (const { name, summary } of FAMILIES) {
    const own: CompletionCommand[] = [];
    members.set(name, own);
    commands.push({ name, summary, options: [], words: [], members: own });
  }
  for (const { name, summary, load } of COMMANDS) {
    const { command } = await load();
    const options = (command.options ?? []).flatMap((option) => {
      const long = /--[a-z-]+/.exec(option.flags)?.[0];
      return long ? [{ long, summary: option.summary, value: /[<[]/.test(option.flags) }] : [];
    });
    const words =
      name === 'help'
        ? GROUPS.flatMap((group) => rowsOf(group).map((row) => row.name))
        : (command.arguments ?? []).flatMap((argument) => argument.choices ?? []);
    const [first = '', second] = name.split(' ');
    const list = second === undefined ? commands : members.get(first);
    list?.push({ name: second ?? first, summary, options, words, members: [] });
  }
  return commands;
}
