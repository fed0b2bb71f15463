/**
 * The command line: `git-theta <command> …` in, an exit code out.
 *
 * The program knows every command by its row in the table; only the chosen one is loaded and gets
 * its arguments and options. Usage errors, help and failures end here, in one place, in git's style.
 */
import { Argument, Command, CommanderError, Option } from 'commander';
import { ThetaError } from '../errors';
import type { CommandDefinition } from './command';
import {
  COMMANDS,
  type CommandEntry,
  commandOf,
  FAMILIES,
  findFamily,
  GROUPS,
  membersOf,
} from './commands/table';
import { manualText } from './docs/manual';
import { listenForInterrupt } from './interrupt';
import { colours } from './ui/colour';
import { EXIT_USAGE, fail } from './ui/errors';
import { print } from './ui/output';
import { versionLine } from './version';

const EPILOGUE = `
'git theta <command> -h' shows the usage of a command, 'git theta help <command>' its manual.`;

/** 128 and the number of SIGPIPE. */
const EXIT_CLOSED_PIPE = 141;

/** Writes to a closed pipe, as in `git theta ls-files | head`, end the process as they end git. */
function onStreamError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_CLOSED_PIPE);
}

function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(onStreamError)) stream.on('error', onStreamError);
  }
}

/** commander's `error: unknown command 'ad'\n(Did you mean add?)` as an error with a hint. */
function usageError(text: string, command: string | undefined): ThetaError {
  const [first = '', ...rest] = text.trim().split('\n');
  const manual = `Run 'git theta ${command ? `${command} -h` : '-h'}' to see the usage.`;
  const suggestion = rest.join(' ').replace(/^\((.*)\)$/s, '$1');
  const message = first.replace(/^error: /, '');
  return new ThetaError('ERR_THETA_USAGE', message.replace(/\.$/, ''), {
    hint: suggestion || manual,
  });
}

function newCommand(name: string): Command {
  return (
    new Command(name)
      .helpCommand(false)
      .helpOption('-h, --help', 'Show this help.')
      .exitOverride()
      // Otherwise a parent takes `--` away, and a command never sees it.
      .enablePositionalOptions()
      .configureHelp({ styleTitle: (title) => colours(process.stdout).paint('bold', title) })
      .configureOutput({
        writeOut: (text) => process.stdout.write(text),
        writeErr: (text) => process.stderr.write(text),
        outputError: () => {}, // printed by `fail`, which knows about --json
      })
  );
}

/** Gives a commander command the arguments, options and examples of its definition. */
function define(target: Command, name: string, definition: CommandDefinition): void {
  for (const argument of definition.arguments ?? []) {
    const word = argument.variadic ? `${argument.name}...` : argument.name;
    const given = new Argument(argument.required ? `<${word}>` : `[${word}]`, argument.summary);
    if (argument.choices) given.choices(argument.choices);
    target.addArgument(given);
  }
  for (const given of definition.options ?? []) {
    const option = new Option(given.flags, given.summary);
    if (given.choices) option.choices(given.choices);
    if (given.conflicts) option.conflicts([...given.conflicts]);
    if (given.parse) option.argParser(given.parse);
    target.addOption(option);
  }
  const examples = (definition.examples ?? []).map((e) => `  ${e.command}\n      ${e.summary}`);
  if (examples.length > 0) target.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  target.addHelpText('after', `\n'git theta help ${name}' shows the manual.`);
  if (definition.wraps) target.passThroughOptions();
}

/**
 * The commander program. Every command is in it with name and summary; the one in `chosen` also
 * with its arguments, options and `action`.
 */
export function buildProgram(chosen?: {
  entry: CommandEntry;
  definition: CommandDefinition;
  action: (command: Command) => Promise<void>;
}): Command {
  const program = newCommand('git theta')
    .usage('<command> [<args>]')
    .description('Version machine-learning checkpoints tensor by tensor.')
    .version(versionLine(), '-v, --version', 'Print the version.')
    .showSuggestionAfterError()
    .addHelpText('after', EPILOGUE);
  const describe = (row: { name: string; summary: string }) =>
    newCommand(row.name.split(' ').at(-1) ?? '')
      .summary(row.summary)
      .description(`${row.summary}.`);
  const command = (entry: CommandEntry) => {
    const made = describe(entry);
    if (chosen?.entry !== entry) return made;
    define(made, entry.name, chosen.definition);
    return made.action(() => chosen.action(made));
  };
  for (const group of GROUPS) {
    for (const family of FAMILIES.filter((row) => row.group === group)) {
      const parent = describe(family).usage('<command> [<args>]').showSuggestionAfterError();
      for (const entry of membersOf(family)) parent.addCommand(command(entry));
      parent.addHelpText('after', `\n'git theta help ${family.name}' shows the manual.`);
      program.addCommand(parent.helpGroup(`${group}:`));
    }
    const single = COMMANDS.filter((row) => row.group === group && !row.name.includes(' '));
    for (const entry of single) program.addCommand(command(entry).helpGroup(`${group}:`));
  }
  return program;
}

/** Runs one command line (without node and script) and returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  endQuietlyOnClosedPipe();
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  let json = words.includes('--json');
  const family = findFamily(argv[0] ?? '');
  const entry = commandOf(argv);
  const interrupt = listenForInterrupt();
  let code = 0;
  try {
    const definition = entry && (await entry.load()).command;
    const { signal } = interrupt;
    if (definition?.wraps) {
      json = false;
      interrupt.dispose();
    }
    if (definition?.passThrough) {
      code = (await definition.run({ args: argv.slice(1), options: {}, signal })) ?? 0;
      return interrupt.exitCode() ?? code;
    }
    const named = entry ?? family;
    if (named && words.includes('--help')) {
      print(await manualText(named.name));
      return 0;
    }
    const action = async (command: Command) => {
      const options = command.opts();
      code = (await definition?.run({ args: command.args, options, signal })) ?? 0;
    };
    const program = buildProgram(entry && definition ? { entry, definition, action } : undefined);
    if (argv.length === 0 || (family && argv.length === 1)) {
      const shown = program.commands.find((command) => command.name() === family?.name) ?? program;
      process.stderr.write(shown.helpInformation());
      return EXIT_USAGE;
    }
    await program.parseAsync(argv, { from: 'user' });
    return interrupt.exitCode() ?? code;
  } catch (error) {
    const interrupted = interrupt.exitCode();
    if (interrupted !== undefined) return interrupted;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      return fail(usageError(error.message, (entry ?? family)?.name), { json });
    }
    return fail(error, { json });
  } finally {
    interrupt.dispose();
  }
}
