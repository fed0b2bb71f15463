/** A page as Markdown, for docs/reference. */
import type { Block } from './markup';
import type { Page } from './page';

/** Outside backticks `<name>` would be taken for HTML and `*.pt` for emphasis. */
function escapeText(text: string): string {
  return text
    .split('`')
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/[<>*_|[\]\\]/g, '\\$&')))
    .join('`');
}

function block(it: Block): string {
  switch (it.kind) {
    case 'text':
      return escapeText(it.text);
    case 'list':
      return it.items.map((item) => `- ${escapeText(item)}`).join('\n');
    case 'code':
      return ['```', ...it.lines, '```'].join('\n');
    case 'terms':
      return it.terms.map(({ term, text }) => `- \`${term}\`: ${escapeText(text)}`).join('\n');
  }
}

/** Names of pages become links between the files of the folder. */
function linked(text: string): string {
  return text.replace(
    /(git-theta(?:-([a-z-]+))?)\(1\)/g,
    (_, page: string, command?: string) => `[${page}](${command ?? 'README'}.md)`,
  );
}

/** The page's text. */
export function renderMarkdown(page: Page): string {
  const parts = [`# ${page.name}`, `${page.summary}.`];
  for (const section of page.sections) {
    parts.push(`## ${section.heading}`);
    const body = section.blocks.map(block);
    parts.push(...(section.heading === 'See also' ? body.map(linked) : body));
  }
  return `${parts.join('\n\n')}\n`;
}
