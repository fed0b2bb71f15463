/** The patterns that are tracked, and in which attribute file each of them stands. */
import { isAbsolute, join } from 'node:path';
import { readAttributes } from '../git/attribute-file';
import type { Repository } from '../git/repository';
import { ATTRIBUTES_FILE, isModelRule } from './patterns';

/** A pattern with `filter=theta`. */
export interface TrackedPattern {
  readonly pattern: string;
  /** The attribute file, relative to the root of the work tree when it is in there. */
  readonly source: string;
}

/** Attribute files that git reads, in the order of rising precedence. */
async function attributeFiles(repo: Repository): Promise<string[]> {
  const personal = await repo.config('core.attributesFile', 'path');
  const { stdout } = await repo.git([
    'ls-files',
    ...['-z', '--cached', '--others', '--exclude-standard', '--deduplicate', '--'],
    `:(top,glob)**/${ATTRIBUTES_FILE}`,
  ]);
  const depth = (path: string) => path.split('/').length;
  const inTree = stdout.split('\0').slice(0, -1);
  return [
    ...(personal ? [personal] : []),
    ...inTree.sort((a, b) => depth(a) - depth(b)),
    join(repo.commonDir, 'info', 'attributes'),
  ];
}

/** All tracked patterns, in the order of their files and lines. */
export async function trackedPatterns(repo: Repository): Promise<TrackedPattern[]> {
  const found: TrackedPattern[] = [];
  for (const source of await attributeFiles(repo)) {
    const file = isAbsolute(source) ? source : join(repo.workTree, source);
    for (const rule of (await readAttributes(file)).rules()) {
      if (isModelRule(rule)) found.push({ pattern: rule.pattern, source });
    }
  }
  return found;
}
