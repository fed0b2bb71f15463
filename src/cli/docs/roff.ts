/** A page as roff with the man macros, for `man git-theta-<command>`. */
import { type Block, spans } from './markup';
import type { Page } from './page';

/** Characters that roff would read, or typeset as something that cannot be pasted. */
function escapeText(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/'/g, '\\(aq')
    .replace(/`/g, '\\(ga')
    .replace(/\^/g, '\\(ha')
    .replace(/~/g, '\\(ti');
}

/** A line of text: a leading dot or quote would be a request. */
function line(text: string): string {
  return /^[.']/.test(text) ? `\\&${text}` : text;
}

function flow(text: string): string {
  const drawn = spans(text).map((span) =>
    span.code ? `\\fB${escapeText(span.text)}\\fR` : escapeText(span.text),
  );
  return line(drawn.join(''));
}

function block(it: Block): string[] {
  switch (it.kind) {
    case 'text':
      return ['.PP', flow(it.text)];
    case 'list':
      return it.items.flatMap((item) => ['.IP \\(bu 2', flow(item)]);
    case 'code':
      return ['.PP', '.RS 4', '.nf', ...it.lines.map((l) => line(escapeText(l))), '.fi', '.RE'];
    case 'terms':
      return it.terms.flatMap(({ term, text }) => [
        '.TP',
        `\\fB${escapeText(term)}\\fR`,
        flow(text),
      ]);
  }
}

/** The page's text, ready for a file `<name>.1`. */
export function renderRoff(page: Page): string {
  const lines = [
    `.TH "${escapeText(page.name.toUpperCase())}" "1" "" "git\\-theta" "git\\-theta manual"`,
    // No hyphenation and no stretched lines: options must stay whole.
    '.nh',
    '.ad l',
    '.SH "NAME"',
    `${escapeText(page.name)} \\- ${escapeText(page.summary)}`,
  ];
  for (const section of page.sections) {
    lines.push(`.SH "${escapeText(section.heading.toUpperCase())}"`);
    lines.push(...section.blocks.flatMap(block));
  }
  return `${lines.join('\n')}\n`;
}
