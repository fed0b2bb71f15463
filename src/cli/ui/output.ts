/**
 * Lines for people: results on standard output, remarks on standard error.
 *
 * Names come from files that others wrote. Each one passes `visible` before it is printed, so
 * that no tensor name can move the cursor, change colours or reverse the direction of the text.
 */

// C0, DEL and C1 controls, line separators, bidirectional controls, lone surrogates.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  if (SHORT[unit] !== undefined) return SHORT[unit];
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/** A name as one printable line: control characters become `\n`, `\x1b`, `\u202e`. */
export function visible(name: string): string {
  return name.replace(UNSAFE, escapeUnit);
}

/** Text of ours with names in it: as `visible`, but line ends stay. */
export function visibleText(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** Prints one line on standard output. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Prints one line on standard error: what happened beside the result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints `warning: …`, and `hint: …` with what to do about it, as git does. */
export function warn(message: string, hint?: string): void {
  note(labelled('warning', message));
  if (hint) note(hintLines(hint));
}

/** `label: message`; further lines are indented, so that none of them can pass for a label. */
export function labelled(label: string, message: string): string {
  const indent = ' '.repeat(label.length + 2);
  return `${label}: ${visibleText(message).replaceAll('\n', `\n${indent}`)}`;
}

/** Each line of a hint with git's `hint: ` before it. */
export function hintLines(hint: string): string {
  return visibleText(hint)
    .split('\n')
    .map((line) => `hint: ${line}`)
    .join('\n');
}
