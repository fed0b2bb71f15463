/**
 * What `track` and `untrack` are given, as patterns and lines of the root's `.gitattributes`.
 *
 * Each tracked pattern has two lines there: one gives its store to Git LFS, the other gives the
 * file itself to git-theta. Refused: patterns that match what is no checkpoint for sure.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ThetaError } from '../errors';
import { type AttributeRule, literalPattern } from '../git/attribute-file';
import type { Repository } from '../git/repository';
import { weightPatterns } from '../native';
import { STORE_FOLDER } from '../store/paths';

/** What attribute files are called. */
export const ATTRIBUTES_FILE = '.gitattributes';

const MODEL_ATTRIBUTES = ['filter=theta', 'merge=theta', '-text'];
const STORE_RULE_ATTRIBUTES = ['filter=lfs', 'diff=lfs', 'merge=lfs', '-text'];

/** The rule of the checkpoints that match a pattern. */
export function modelRule(pattern: string): AttributeRule {
  return { pattern, attributes: [...MODEL_ATTRIBUTES] };
}

/** The rule of their stores: everything below the folders of the same names. */
export function storeRule(pattern: string): AttributeRule {
  const below = pattern.endsWith('/**') ? pattern : `${pattern}/**`;
  return { pattern: `${STORE_FOLDER}/${below}`, attributes: [...STORE_RULE_ATTRIBUTES] };
}

/** Whether a rule gives files to git-theta. */
export function isModelRule(rule: AttributeRule): boolean {
  return rule.attributes.includes('filter=theta');
}

function refusal(message: string, hint?: string): ThetaError {
  return new ThetaError('ERR_THETA_USAGE', message, { hint });
}

function refuseOwn(path: string): void {
  const [first = ''] = path.split('/');
  const reserved = first === STORE_FOLDER || first.toLowerCase() === '.git';
  if (!reserved && path.split('/').at(-1) !== ATTRIBUTES_FILE) return;
  throw refusal(`'${path}' cannot be tracked: it belongs to git or to git-theta`);
}

/**
 * The patterns that the user means, as {@link trackPattern}; the name of an existing folder stands for the weights in it,
 * whatever else is there.
 */
export async function trackPatterns(repo: Repository, typed: string): Promise<string[]> {
  const pattern = trackPattern(repo, typed);
  const path = repo.relative(typed);
  const folder = join(repo.workTree, path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [pattern];
  const found = await weightPatterns(folder);
  if (found.length > 0) return found.map((one) => `${literalPattern(path)}/${one}`);
  throw refusal(
    `no checkpoint is in '${typed}'`,
    `'git theta track "${typed.replace(/\/+$/, '')}/**"' tracks everything that will be in it.`,
  );
}

/**
 * The pattern that the user means, relative to the root of the work tree. The name of an existing
 * file is that file, whatever characters it has; a folder is everything below it; anything else is
 * a pattern as gitattributes(5) has it. Typed in a subfolder, it is about that subfolder.
 */
export function trackPattern(repo: Repository, typed: string): string {
  if (typed === '') throw refusal('an empty pattern matches nothing');
  if (/[\n\r]/.test(typed)) throw refusal('a pattern cannot contain a line end');
  const path = repo.relative(typed);
  const stat = statSync(join(repo.workTree, path), { throwIfNoEntry: false });
  if (path === '' || path === '.' || (/^[*/]+$/.test(path) && !stat)) {
    throw refusal(
      `'${typed}' matches every file, also those that are no checkpoints`,
      'Name the files or a pattern, such as \'git theta track "*.pt"\'.',
    );
  }
  refuseOwn(path);
  if (stat?.isDirectory() || typed.endsWith('/')) return `${literalPattern(path)}/**`;
  if (stat) return literalPattern(path);
  if (/^[!#]/.test(path)) throw refusal(`'${typed}' is no pattern of ${ATTRIBUTES_FILE}`);
  return path;
}
