/**
 * The command line: `git-theta <command> …` in, an exit code out.
 *
 * The program knows every command by its row in the table; only the chosen one is loaded and gets
 * its arguments and options. Usage errors, help and failures end here, in one place, in git's style.
 */
import { Argument, Command, CommanderError, Option } from 'commander';
import { ThetaError } from '../errors';
import type { CommandDefinition } from './command';
import { COMMANDS, type CommandEntry, findCommand, GROUPS } from './commands/table';
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
  return new Command(name)
    .helpCommand(false)
    .helpOption('-h, --help', 'Show this help.')
    .exitOverride()
    .configureHelp({ styleTitle: (title) => colours(process.stdout).paint('bold', title) })
    .configureOutput({
      writeOut: (text) => process.stdout.write(text),
      writeErr: (text) => process.stderr.write(text),
      outputError: () => {}, // printed by `fail`, which knows about --json
    });
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
  for (const group of GROUPS) {
    for (const entry of COMMANDS.filter((command) => command.group === group)) {
      const command = newCommand(entry.name)
        .summary(entry.summary)
        .description(`${entry.summary}.`)
        .helpGroup(`${group}:`);
      if (chosen?.entry === entry) {
        define(command, entry.name, chosen.definition);
        command.action(() => chosen.action(command));
      }
      program.addCommand(command);
    }
  }
  return program;
}

/** Runs one command line (without node and script) and returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  endQuietlyOnClosedPipe();
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const json = words.includes('--json');
  const entry = argv[0] === undefined ? undefined : findCommand(argv[0]);
  const interrupt = listenForInterrupt();
  let code = 0;
  try {
    const definition = entry && (await entry.load()).command;
    const { signal } = interrupt;
    if (definition?.passThrough) {
      code = (await definition.run({ args: argv.slice(1), options: {}, signal })) ?? 0;
      return interrupt.exitCode() ?? code;
    }
    if (entry && words.includes('--help')) {
      print(await manualText(entry.name));
      return 0;
    }
    const action = async (command: Command) => {
      const options = command.opts();
      code = (await definition?.run({ args: command.args, options, signal })) ?? 0;
    };
    const program = buildProgram(entry && definition ? { entry, definition, action } : undefined);
    if (argv.length === 0) {
      process.stderr.write(program.helpInformation());
      return EXIT_USAGE;
    }
    await program.parseAsync(argv, { from: 'user' });
    return interrupt.exitCode() ?? code;
  } catch (error) {
    const interrupted = interrupt.exitCode();
    if (interrupted !== undefined) return interrupted;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      return fail(usageError(error.message, entry?.name), { json });
    }
    return fail(error, { json });
  } finally {
    interrupt.dispose();
  }
}
