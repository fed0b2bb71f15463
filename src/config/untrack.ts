/**
 * `git theta untrack`: remove the two lines that track has written for a pattern, and no others.
 *
 * The checkpoint in the work tree, its store and the history stay; the report says which files git
 * still has as manifests.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ThetaError } from '../errors';
import { type AttributeRule, readAttributes, writeAttributes } from '../git/attribute-file';
import { lsFiles } from '../git/index';
import type { Repository } from '../git/repository';
import { filtersOf, matchingFiles } from './matches';
import { ATTRIBUTES_FILE, isModelRule, modelRule, storeRule, trackPattern } from './patterns';

/** What was done. */
export interface UntrackReport {
  readonly patterns: readonly string[];
  /** Checkpoints in the index that no line tracks any more. */
  readonly left: readonly string[];
}

function sameRule(a: AttributeRule, b: AttributeRule): boolean {
  return a.pattern === b.pattern && a.attributes.join(' ') === b.attributes.join(' ');
}

/** The error for a pattern without a line of its own, with what does stand in the file. */
function notTracked(pattern: string, rules: readonly AttributeRule[]): ThetaError {
  const known = rules.filter(isModelRule).map((rule) => `'${rule.pattern}'`);
  return new ThetaError(
    'ERR_THETA_NOT_TRACKED',
    `no line of ${ATTRIBUTES_FILE} tracks exactly '${pattern}'`,
    {
      path: pattern,
      hint:
        known.length > 0
          ? `Tracked there: ${known.join(', ')}.`
          : "Run 'git theta track' to see what is tracked, and where.",
    },
  );
}

/** The patterns that are meant: a folder is its own line, or else all lines of what is below it. */
function untrackPatterns(
  repo: Repository,
  typed: string,
  tracked: readonly AttributeRule[],
): string[] {
  const pattern = trackPattern(repo, typed);
  const known = tracked.map((rule) => rule.pattern);
  if (known.includes(pattern) || !pattern.endsWith('/**')) return [pattern];
  const below = known.filter((one) => one.startsWith(pattern.slice(0, -'**'.length)));
  return below.length > 0 ? below : [pattern];
}

/** Untracks patterns; with `dryRun` finds out what that would change. */
export async function untrack(
  repo: Repository,
  typed: readonly string[],
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<UntrackReport> {
  const file = join(repo.workTree, ATTRIBUTES_FILE);
  const attributes = await readAttributes(file);
  const tracked = attributes.rules().filter(isModelRule);
  const patterns = typed.flatMap((one) => untrackPatterns(repo, one, tracked));
  for (const pattern of patterns) {
    const rules = attributes.rules();
    const model = modelRule(pattern);
    if (attributes.remove((rule) => sameRule(rule, model)) === 0) throw notTracked(pattern, rules);
    const store = storeRule(pattern);
    attributes.remove((rule) => sameRule(rule, store));
  }
  if (dryRun) return { patterns, left: [] };
  const inIndex = (await lsFiles(repo, [ATTRIBUTES_FILE])).length > 0;
  // Where the file is missing, git takes the one in the index, and with it the removed lines.
  if (attributes.toBuffer().length === 0 && inIndex) writeFileSync(file, '');
  else await writeAttributes(file, attributes);

  const paths = new Set<string>();
  for (const pattern of patterns) {
    for (const path of await matchingFiles(repo, pattern)) paths.add(path);
  }
  const uses = await filtersOf(repo, [...paths]);
  const free = uses.filter(({ filter }) => filter !== 'theta').map(({ path }) => path);
  const entries = free.length > 0 ? await lsFiles(repo, free) : [];
  return { patterns, left: [...new Set(entries.map(({ path }) => path))] };
}
