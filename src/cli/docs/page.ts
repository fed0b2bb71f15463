/**
 * A manual page as data: made from a command's definition, drawn by roff.ts, markdown.ts, text.ts.
 */
import type { ArgumentDefinition, CommandDefinition } from '../command';
import { COMMANDS, type CommandEntry, GROUPS } from '../commands/table';
import { CONFIGURATION, ENVIRONMENT, FILES, OVERVIEW } from './general';
import { type Block, parseMarkup, type Term } from './markup';

/** One page: `git-theta-track` with its sections. */
export interface Page {
  /** The page's name without the section number. */
  readonly name: string;
  readonly summary: string;
  readonly sections: readonly Section[];
}

/** A heading, in ordinary case, and what stands below it. */
export interface Section {
  readonly heading: string;
  readonly blocks: readonly Block[];
}

const EXIT_STATUS: Readonly<Record<number, string>> = {
  0: 'Success.',
  128: 'A fatal error, reported on standard error.',
  129: 'Wrong usage.',
};

function argumentWord(argument: ArgumentDefinition): string {
  const word = `<${argument.name}>${argument.variadic ? '...' : ''}`;
  return argument.required ? word : `[${word}]`;
}

function synopsis(name: string, definition: CommandDefinition): string {
  const options = (definition.options ?? []).length > 0 ? ['[<options>]'] : [];
  const words = (definition.arguments ?? []).map(argumentWord);
  return ['git theta', name, ...options, ...words].join(' ');
}

function terms(heading: string, items: readonly Term[]): Section[] {
  return items.length > 0 ? [{ heading, blocks: [{ kind: 'terms', terms: items }] }] : [];
}

function exitStatus(own: Readonly<Record<number, string>> = {}): Section[] {
  // Integer keys come out in ascending order.
  const all = Object.entries({ ...EXIT_STATUS, ...own });
  return terms(
    'Exit status',
    all.map(([term, text]) => ({ term, text })),
  );
}

/** The page of one command. */
export function commandPage(entry: CommandEntry, definition: CommandDefinition): Page {
  const options = (definition.options ?? []).map((option) => ({
    term: option.flags,
    text: option.choices
      ? `${option.summary} One of: ${option.choices.join(', ')}.`
      : option.summary,
  }));
  const examples = (definition.examples ?? []).flatMap<Block>((example) => [
    { kind: 'text', text: example.summary },
    { kind: 'code', lines: [example.command] },
  ]);
  const seeAlso = ['git-theta(1)', ...(definition.seeAlso ?? []).map((n) => `git-theta-${n}(1)`)];
  return {
    name: `git-theta-${entry.name}`,
    summary: entry.summary,
    sections: [
      {
        heading: 'Synopsis',
        blocks: [{ kind: 'code', lines: [synopsis(entry.name, definition)] }],
      },
      { heading: 'Description', blocks: parseMarkup(definition.description) },
      ...terms(
        'Arguments',
        (definition.arguments ?? []).map((a) => ({ term: `<${a.name}>`, text: a.summary })),
      ),
      ...terms('Options', options),
      ...(examples.length > 0 ? [{ heading: 'Examples', blocks: examples }] : []),
      ...exitStatus(definition.exitStatus),
      { heading: 'See also', blocks: [{ kind: 'text', text: seeAlso.join(', ') }] },
    ],
  };
}

/** The page of git-theta itself, with the list of commands. */
export function programPage(): Page {
  const commands = GROUPS.flatMap((group) => {
    const rows = COMMANDS.filter((entry) => entry.group === group);
    return terms(
      `${group} commands`,
      rows.map((entry) => ({ term: `git theta ${entry.name}`, text: `${entry.summary}.` })),
    );
  });
  return {
    name: 'git-theta',
    summary: 'Version machine-learning checkpoints tensor by tensor',
    sections: [
      { heading: 'Synopsis', blocks: [{ kind: 'code', lines: ['git theta <command> [<args>]'] }] },
      { heading: 'Description', blocks: parseMarkup(OVERVIEW) },
      ...commands,
      ...terms('Configuration', CONFIGURATION),
      ...terms('Environment', ENVIRONMENT),
      ...terms('Files', FILES),
      ...exitStatus({ 1: 'Findings: a check failed, objects are missing, a merge conflict.' }),
      { heading: 'See also', blocks: [{ kind: 'text', text: 'git(1), git-lfs(1)' }] },
    ],
  };
}
