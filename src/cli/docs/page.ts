/**
 * A manual page as data: made from a command's definition, drawn by roff.ts, markdown.ts, text.ts.
 */
import type { ArgumentDefinition, CommandDefinition } from '../command';
import {
  type CommandEntry,
  type CommandFamily,
  GROUPS,
  membersOf,
  rowsOf,
} from '../commands/table';
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
  const end = definition.wraps ? ['--'] : [];
  return ['git theta', name, ...options, ...end, ...words].join(' ');
}

/** The page of a command: `git-theta-provenance-stamp`, whose words are `provenance stamp`. */
export function pageName(name: string): string {
  return `git-theta-${name.replace(' ', '-')}`;
}

function seeAlso(names: readonly string[]): Section {
  const pages = ['git-theta(1)', ...names.map((name) => `${pageName(name)}(1)`)];
  return { heading: 'See also', blocks: [{ kind: 'text', text: pages.join(', ') }] };
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
  return {
    name: pageName(entry.name),
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
      seeAlso(definition.seeAlso ?? []),
    ],
  };
}

/** The page of a family, with the list of its commands. */
export function familyPage(family: CommandFamily): Page {
  const members = membersOf(family);
  return {
    name: pageName(family.name),
    summary: family.summary,
    sections: [
      {
        heading: 'Synopsis',
        blocks: [{ kind: 'code', lines: [`git theta ${family.name} <command> [<args>]`] }],
      },
      { heading: 'Description', blocks: parseMarkup(family.description) },
      ...terms('Commands', members.map(commandTerm)),
      seeAlso(members.map((entry) => entry.name)),
    ],
  };
}

function commandTerm(row: { readonly name: string; readonly summary: string }): Term {
  return { term: `git theta ${row.name}`, text: `${row.summary}.` };
}

/** The page of git-theta itself, with the list of commands. */
export function programPage(): Page {
  const commands = GROUPS.flatMap((group) =>
    terms(`${group} commands`, rowsOf(group).map(commandTerm)),
  );
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
