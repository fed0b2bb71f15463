import { COMMANDS, FAMILIES, findCommand, GROUPS } from '../../../src/cli/commands/table';
import { bashCompletion } from '../../../src/cli/completion/bash';
import { fishCompletion } from '../../../src/cli/completion/fish';
import { completionTree } from '../../../src/cli/completion/tree';
import { zshCompletion } from '../../../src/cli/completion/zsh';
import { manualFiles } from '../../../src/cli/docs/manual';
import { renderMarkdown } from '../../../src/cli/docs/markdown';
import { parseMarkup } from '../../../src/cli/docs/markup';
import type { Page } from '../../../src/cli/docs/page';
import { renderRoff } from '../../../src/cli/docs/roff';
import { renderText } from '../../../src/cli/docs/text';

const MARKUP = `A paragraph with \`git theta add\` and \`x.pt\`,
over two lines.

- an item,
  continued
- another

    code 'as' it is
      indented`;

const PAGE: Page = {
  name: 'git-theta-x',
  summary: 'Do x',
  sections: [
    { heading: 'Description', blocks: parseMarkup(MARKUP) },
    { heading: 'Options', blocks: [{ kind: 'terms', terms: [{ term: '-n <a>', text: '.x *_' }] }] },
    {
      heading: 'See also',
      blocks: [{ kind: 'text', text: 'git-theta(1), git-theta-ls-files(1)' }],
    },
  ],
};

test('markup', () => {
  expect(parseMarkup(MARKUP)).toEqual([
    { kind: 'text', text: 'A paragraph with `git theta add` and `x.pt`, over two lines.' },
    { kind: 'list', items: ['an item, continued', 'another'] },
    { kind: 'code', lines: ["code 'as' it is", '  indented'] },
  ]);
});

test('roff', () => expect(renderRoff(PAGE)).toMatchSnapshot());
test('Markdown', () => expect(renderMarkdown(PAGE)).toMatchSnapshot());
test('plain text', () => expect(renderText(PAGE)).toMatchSnapshot());

test('plain text keeps to 80 columns and loses no word', () => {
  const words = Array.from({ length: 200 }, (_, i) => 'x'.repeat(1 + (i % 13)));
  const blocks = parseMarkup(words.join(' '));
  const text = renderText({ ...PAGE, sections: [{ heading: 'Long', blocks }] });
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text.split('LONG\n')[1]?.trim().split(/\s+/)).toEqual(words);
});

test('there is a man page and a reference page for every command', async () => {
  const files = await manualFiles();
  const rows = [...FAMILIES, ...COMMANDS];
  expect(files.size).toBe(2 * (rows.length + 1));
  for (const { name } of rows) {
    const file = name.replace(' ', '-');
    expect(files.get(`man/git-theta-${file}.1`)).toMatch(/^\.TH "GIT/);
    expect(files.get(`docs/reference/${file}.md`)).toMatch(/^# git-theta-/);
  }
});

describe.each(COMMANDS.map((entry) => [entry.name, entry] as const))('%s', (name, entry) => {
  test('is described as the others are', async () => {
    const { command } = await entry.load();
    expect(GROUPS).toContain(entry.group);
    expect(entry.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(entry.summary.length).toBeLessThan(70);
    expect(command.description.split('`').length % 2).toBe(1);
    for (const { summary } of [...(command.options ?? []), ...(command.arguments ?? [])]) {
      expect(summary).toMatch(/^[A-Z].*\.$/);
      expect(summary).not.toContain('`');
    }
    for (const example of command.examples ?? []) {
      expect(example.command).toMatch(new RegExp(`^git (theta ${name}|add|.*theta)\\b`));
    }
    for (const other of command.seeAlso ?? [])
      expect([other, findCommand(other)]).not.toContain(undefined);
  });
});

test('completion scripts name every command and option', async () => {
  const tree = await completionTree();
  for (const script of [bashCompletion(tree), zshCompletion(tree), fishCompletion(tree)]) {
    for (const { name, options } of tree.flatMap((row) => [row, ...row.members])) {
      expect(script).toContain(name);
      for (const { long } of options) expect(script).toContain(long.slice(2));
    }
  }
});
