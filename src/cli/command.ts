/**
 * What a command is: a definition made of data, and a function that does the work.
 *
 * Help, man pages, `docs/reference` and shell completion are made from the data, so a command is
 * described once. A definition holds no logic: `run` calls a function of the library and prints
 * what it returns through `ui/`.
 */

/** A positional argument. `<name>` when required, else `[<name>]`; `...` when variadic. */
export interface ArgumentDefinition {
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  readonly variadic?: boolean;
  readonly choices?: readonly string[];
}

/** An option: `flags` as commander reads them, such as `-n, --dry-run` or `--file <path>`. */
export interface OptionDefinition {
  readonly flags: string;
  readonly summary: string;
  readonly choices?: readonly string[];
  /** Names (camel case) of the options that cannot be given together with this one. */
  readonly conflicts?: readonly string[];
  /** Turns the text of the option's value into what `run` receives; throws a usage error. */
  readonly parse?: (value: string) => unknown;
}

/** A command line and the sentence that says what it does. */
export interface Example {
  readonly command: string;
  readonly summary: string;
}

/** What `run` receives: positional arguments in order, options in camel case. */
export interface Call<Options> {
  readonly args: readonly string[];
  readonly options: Readonly<Options>;
  /** Aborted on the first SIGINT or SIGTERM; pass it on to everything that accepts one. */
  readonly signal: AbortSignal;
}

/** A command without its name, summary and group, which stand in the table of commands. */
export interface CommandDefinition<Options = Record<string, unknown>> {
  /** The manual's text: paragraphs, `- ` lists and indented blocks (see docs/markup.ts). */
  readonly description: string;
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options?: readonly OptionDefinition[];
  readonly examples?: readonly Example[];
  /** Exit codes beside 0, 128 and 129. */
  readonly exitStatus?: Readonly<Record<number, string>>;
  /** Names of related commands. */
  readonly seeAlso?: readonly string[];
  /** Arguments go to `run` as they are: options, `-h` and all. For hooks and drivers. */
  readonly passThrough?: boolean;
  /**
   * The arguments are another command line: options behind its first word belong to it, and so do signals and standard
   * output. `signal` is never aborted, and failures are told as text.
   */
  readonly wraps?: boolean;
  /** Returns the exit code: nothing or 0 for success, 1 for findings. Fatal errors are thrown. */
  run(call: Call<Options>): Promise<number | undefined>;
}

/** Keeps the type of the options inside the definition's file. */
export function defineCommand<Options>(definition: CommandDefinition<Options>): CommandDefinition {
  return definition as unknown as CommandDefinition;
}

/** `--json`, the same for every command that has it. */
export const jsonOption: OptionDefinition = {
  flags: '--json',
  summary: 'Print one JSON document instead of text; errors too.',
};

/** `-n, --dry-run`, the same for every command that has it. */
export const dryRunOption: OptionDefinition = {
  flags: '-n, --dry-run',
  summary: 'Show what would be done and change nothing.',
};

/** `-q, --quiet`, the same for every command that has it. */
export const quietOption: OptionDefinition = {
  flags: '-q, --quiet',
  summary: 'Print nothing but errors; no progress.',
};
