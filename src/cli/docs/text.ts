/** A page as plain text in 80 columns, for `git theta help` where there is no man page. */
import { type Block, spans } from './markup';
import type { Page } from './page';

const WIDTH = 80;

/** What is typed, in quotes where it is more than a word; its words stay together. */
function typed(code: string): string {
  return code.includes(' ') ? `'${code.replaceAll(' ', '\u00a0')}'` : code;
}

/** Words broken into lines. */
function wrap(text: string, indent: string, first = indent): string {
  const words = spans(text)
    .map((span) => (span.code ? typed(span.text) : span.text))
    .join('')
    .split(' ');
  const lines: string[] = [];
  let current = first;
  let empty = true;
  for (const word of words) {
    if (!empty && current.length + 1 + word.length > WIDTH) {
      lines.push(current);
      current = indent;
      empty = true;
    }
    current += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, current].join('\n').replaceAll('\u00a0', ' ');
}

function block(it: Block): string {
  switch (it.kind) {
    case 'text':
      return wrap(it.text, '    ');
    case 'list':
      return it.items.map((item) => wrap(item, '      ', '    - ')).join('\n');
    case 'code':
      return it.lines.map((line) => `        ${line}`).join('\n');
    case 'terms':
      return it.terms
        .map(({ term, text }) => `    ${term}\n${wrap(text, '        ')}`)
        .join('\n\n');
  }
}

/** The page's text, without a line end. */
export function renderText(page: Page): string {
  const parts = [`NAME\n${wrap(`${page.name} - ${page.summary}`, '    ')}`];
  for (const section of page.sections) {
    const body = section.blocks.map(block).join('\n\n');
    parts.push(`${section.heading.toUpperCase()}\n${body}`);
  }
  return parts.join('\n\n');
}
