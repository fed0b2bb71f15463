/**
 * The markup of descriptions: a small part of Markdown, read into blocks.
 *
 * Blocks are separated by empty lines: a paragraph, a list whose items start with `- ` (further
 * lines are indented by two), or lines indented by four, which are shown as they are. Inside
 * paragraphs and items, backticks mark what is typed. Nothing else has a meaning.
 */

/** A piece of a manual. */
export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'code'; readonly lines: readonly string[] }
  | { readonly kind: 'terms'; readonly terms: readonly Term[] };

/** A term with its explanation: an option, a command, an exit code. */
export interface Term {
  readonly term: string;
  readonly text: string;
}

/** A run of text, or what is typed. */
export interface Span {
  readonly code: boolean;
  readonly text: string;
}

const flow = (lines: readonly string[]) => lines.map((line) => line.trim()).join(' ');

function readBlock(lines: readonly string[]): Block {
  if (lines.every((line) => line.startsWith('    '))) {
    return { kind: 'code', lines: lines.map((line) => line.slice(4)) };
  }
  if (lines[0]?.startsWith('- ')) {
    const items: string[][] = [];
    for (const line of lines) {
      if (line.startsWith('- ')) items.push([line.slice(2)]);
      else items.at(-1)?.push(line);
    }
    return { kind: 'list', items: items.map(flow) };
  }
  return { kind: 'text', text: flow(lines) };
}

/** The blocks of a description. */
export function parseMarkup(text: string): Block[] {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .map((block) => block.split('\n').filter((line) => line.trim() !== ''))
    .filter((lines) => lines.length > 0)
    .map(readBlock);
}

/** The runs of a paragraph, in order. */
export function spans(text: string): Span[] {
  return text
    .split('`')
    .map((part, i) => ({ code: i % 2 === 1, text: part }))
    .filter((span) => span.text !== '');
}
