/**
 * A JSON tree as indented lines, for people. Lists of scalars stand in one line. Keys and texts pass `visible`.
 */
import { visible } from './output';

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return visible(value);
  if (Array.isArray(value)) return `[${value.map(scalar).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return '{}';
  return value === null ? 'None' : String(value);
}

/** The lines of a value that has parts; of another one, a single line. */
export function tree(value: unknown, indent = ''): string[] {
  if (!isContainer(value)) return [indent + scalar(value)];
  const lines: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    const label = `${indent}${Array.isArray(value) ? `[${key}]` : visible(key) || "''"}:`;
    const flat = !isContainer(item) || (Array.isArray(item) && !item.some(isContainer));
    if (flat) lines.push(`${label} ${scalar(item)}`);
    else lines.push(label, ...tree(item, `${indent}  `));
  }
  return lines;
}
