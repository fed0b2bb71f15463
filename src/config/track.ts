/**
 * `git theta track`: say in `.gitattributes` which files are checkpoints.
 *
 * In: patterns as the user typed them. Out: what was written, and what the user should know. The
 * files are not staged; `git theta add` does that together with the checkpoint. Refused: files
 * that another filter handles, and paths outside the work tree.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ThetaError } from '../errors';
import { readAttributes, writeAttributes } from '../git/attribute-file';
import { type HookReport, installHooks } from '../git/hooks';
import type { Repository } from '../git/repository';
import { STORE_ATTRIBUTES } from '../store/attributes';
import { STORE_FOLDER } from '../store/paths';
import { refuseLink } from '../store/work-tree';
import { type FilterUse, filtersOf, matchingFiles, rawFiles } from './matches';
import { ATTRIBUTES_FILE, modelRule, storeRule, trackPatterns } from './patterns';

/** What was done for one pattern. */
export interface TrackResult {
  readonly pattern: string;
  /** False when both lines stood there already. */
  readonly changed: boolean;
}

/** What was done, and what the user should know. */
export interface TrackReport {
  readonly results: readonly TrackResult[];
  /** The attribute files that changed. */
  readonly written: readonly string[];
  readonly hooks: readonly HookReport[];
  /** Matching paths that git has as they are, not as manifests. */
  readonly raw: readonly string[];
  /** Matching paths that another attribute file gives to no filter or to another one. */
  readonly overridden: readonly FilterUse[];
}

async function refuseOtherFilters(repo: Repository, paths: readonly string[]): Promise<void> {
  for (const { path, filter } of await filtersOf(repo, paths)) {
    if (filter === 'theta' || filter === '') continue;
    const remove =
      filter === 'lfs'
        ? `Run 'git lfs untrack' with the pattern in ${ATTRIBUTES_FILE} that matches it,`
        : `Remove filter=${filter} from the line in ${ATTRIBUTES_FILE} that matches it,`;
    throw new ThetaError(
      'ERR_THETA_FOREIGN_FILTER',
      `'${path}' is already handled by filter=${filter}`,
      { path, hint: `${remove}\nthen this command again, and 'git theta add' for the file.` },
    );
  }
}

/** Writes the constant attributes of the store; whether that changed anything. */
function writeStoreAttributes(repo: Repository, dryRun: boolean): boolean {
  const file = join(repo.workTree, STORE_FOLDER, ATTRIBUTES_FILE);
  refuseLink(dirname(file));
  refuseLink(file);
  if (existsSync(file) && readFileSync(file, 'utf8') === STORE_ATTRIBUTES) return false;
  if (!dryRun) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, STORE_ATTRIBUTES);
  }
  return true;
}

async function matchingAny(repo: Repository, patterns: readonly string[]): Promise<string[]> {
  const paths = new Set<string>();
  for (const pattern of patterns) {
    for (const path of await matchingFiles(repo, pattern)) paths.add(path);
  }
  return [...paths];
}

/** Tracks patterns; with `dryRun` finds out what that would change. */
export async function track(
  repo: Repository,
  typed: readonly string[],
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<TrackReport> {
  const patterns = (await Promise.all(typed.map((one) => trackPatterns(repo, one)))).flat();
  const paths = await matchingAny(repo, patterns);
  // A pattern without glob characters is also the path of a file that is yet to come.
  const future = patterns.filter((pattern) => !/[*?[\\]/.test(pattern) && !paths.includes(pattern));
  await refuseOtherFilters(repo, [...paths, ...future]);

  const file = join(repo.workTree, ATTRIBUTES_FILE);
  const attributes = await readAttributes(file);
  const results = patterns.map((pattern) => {
    const store = attributes.add(storeRule(pattern), { quote: true });
    const model = attributes.add(modelRule(pattern));
    return { pattern, changed: store || model };
  });
  const changed = results.some((result) => result.changed);
  if (changed && !dryRun) await writeAttributes(file, attributes);
  const written = changed ? [ATTRIBUTES_FILE] : [];
  if (writeStoreAttributes(repo, dryRun)) written.push(`${STORE_FOLDER}/${ATTRIBUTES_FILE}`);
  if (dryRun) return { results, written, hooks: [], raw: [], overridden: [] };

  const hooks = await installHooks(repo);
  const uses = await filtersOf(repo, [...paths, ...future]);
  const ours = uses.filter(({ filter }) => filter === 'theta').map(({ path }) => path);
  const overridden = uses.filter(({ filter }) => filter !== 'theta');
  return { results, written, hooks, raw: await rawFiles(repo, ours), overridden };
}
