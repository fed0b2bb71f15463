/**
 * Edits `.gitattributes` files line by line.
 *
 * In: the bytes of a file. Out: the same bytes but for the lines that were added, replaced or removed. Comments, macros,
 * line ends, text that is not UTF-8 and a missing last newline stay as they are. Refused: a line longer than git reads.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ThetaError } from '../errors';
import { writeFile } from '../failure';
import { quotePattern, unquotePattern } from './attribute-pattern';

export { literalPattern, printPattern } from './attribute-pattern';

/** Git ignores longer lines. */
const MAX_LINE = 2048;

/** One rule: the pattern without quotes, and its attributes as they stand. */
export interface AttributeRule {
  pattern: string;
  attributes: string[];
}

interface Line {
  /** The line without its end, one character per byte. */
  text: string;
  end: string;
  rule: AttributeRule | null;
}

const fromBytes = (text: string): string => Buffer.from(text, 'latin1').toString();
const toBytes = (text: string): string => Buffer.from(text).toString('latin1');

function parseRule(text: string): AttributeRule | null {
  const found = /^[ \t]*("(?:[^"\\]|\\.)*"|[^ \t]+)(.*)$/s.exec(text);
  const [, pattern, rest] = found ?? [];
  if (pattern === undefined || rest === undefined || pattern.startsWith('#')) return null;
  const unquoted = pattern.startsWith('"') ? unquotePattern(pattern) : pattern;
  const attributes = rest.split(/[ \t]+/).filter((word) => word !== '');
  return unquoted === null
    ? null
    : { pattern: fromBytes(unquoted), attributes: attributes.map(fromBytes) };
}

/** `-text`, `!text` and `text=auto` are all about `text`. */
function attributeName(attribute: string): string {
  return attribute.replace(/^[-!]/, '').replace(/=.*$/s, '');
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at]);
}

/** A `.gitattributes` file in memory. */
export class AttributeFile {
  readonly #lines: Line[];

  private constructor(lines: Line[]) {
    this.#lines = lines;
  }

  static parse(bytes: Uint8Array): AttributeFile {
    const text = Buffer.from(bytes).toString('latin1');
    const lines: Line[] = [];
    for (const [whole, content = '', end = ''] of text.matchAll(/([^\n]*?)(\r?\n|$)/g)) {
      if (whole !== '') lines.push({ text: content, end, rule: parseRule(content) });
    }
    return new AttributeFile(lines);
  }

  /** All rules in order. Macros count; their pattern starts with `[attr]`. */
  rules(): AttributeRule[] {
    return this.#lines.flatMap(({ rule }) => (rule ? [rule] : []));
  }

  /** Whether this very rule is there and no later line of the pattern takes it back. */
  has({ pattern, attributes }: AttributeRule): boolean {
    const names = new Set(attributes.map(attributeName));
    const last = this.rules().findLast(
      (rule) =>
        rule.pattern === pattern && rule.attributes.some((word) => names.has(attributeName(word))),
    );
    return last !== undefined && sameWords(last.attributes, attributes);
  }

  /**
   * Makes the rule hold: replaces lines of the same pattern that are about the same attributes, else adds a line.
   *
   * @param o - `quote`: quotes around the pattern even where git needs none.
   * @returns whether something changed.
   * @throws ThetaError `ERR_THETA_BAD_ATTRIBUTES` when git would not read the line.
   */
  add(rule: AttributeRule, o: { quote?: boolean } = {}): boolean {
    if (this.has(rule)) return false;
    const text = toBytes([quotePattern(rule.pattern, o.quote), ...rule.attributes].join(' '));
    if (text.length > MAX_LINE) {
      throw new ThetaError(
        'ERR_THETA_BAD_ATTRIBUTES',
        `a line for '${rule.pattern}' would be longer than git reads`,
      );
    }
    const names = new Set(rule.attributes.map(attributeName));
    const covered = (line: Line): boolean =>
      line.rule?.pattern === rule.pattern &&
      line.rule.attributes.length > 0 &&
      line.rule.attributes.every((word) => names.has(attributeName(word)));
    const at = this.#lines.findIndex(covered);
    const line = { text, end: this.#newline(), rule };
    if (at < 0) {
      const last = this.#lines.at(-1);
      if (last?.end === '') last.end = line.end;
      this.#lines.push(line);
      return true;
    }
    const end = this.#lines[at]?.end ?? line.end;
    this.remove((other) => this.#lines.some((l, i) => i > at && l.rule === other && covered(l)));
    this.#lines.splice(at, 1, { ...line, end });
    // A line in between may speak about the same attributes and more.
    if (!this.has(rule)) this.#lines.push(...this.#lines.splice(at, 1));
    this.#endLines();
    return true;
  }

  /** Removes the lines of all rules that satisfy `which`; how many. */
  remove(which: (rule: AttributeRule) => boolean): number {
    const kept = this.#lines.filter(({ rule }) => rule === null || !which(rule));
    const removed = this.#lines.length - kept.length;
    this.#lines.splice(0, this.#lines.length, ...kept);
    return removed;
  }

  toBuffer(): Buffer {
    return Buffer.from(this.#lines.map(({ text, end }) => text + end).join(''), 'latin1');
  }

  /** The kind of line end that the file has. */
  #newline(): string {
    return this.#lines[0]?.end === '\r\n' ? '\r\n' : '\n';
  }

  /** Only the last line may lack its end. */
  #endLines(): void {
    for (const line of this.#lines.slice(0, -1)) line.end ||= this.#newline();
  }
}

/** The file's rules; an absent file is an empty one. */
export async function readAttributes(file: string): Promise<AttributeFile> {
  try {
    return AttributeFile.parse(readFileSync(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return AttributeFile.parse(Buffer.alloc(0));
    throw error;
  }
}

/** Writes the file in one step; one without content is removed. */
export async function writeAttributes(file: string, content: AttributeFile): Promise<void> {
  const bytes = content.toBuffer();
  if (bytes.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0o666;
    writeFile(temporary, bytes, { mode: mode & 0o777 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
