/**
 * Which paths hold models, not code.
 *
 * In: paths from the top of the work tree, one character for each byte. Out: those below `.git_theta/` and those whose
 * attribute `filter` is `theta`, by the attributes of the work tree.
 */
import { type Ask, records } from './ask';

/** Where tensors are kept in the work tree. */
const STORE = '.git_theta/';

/** Those of `paths` that hold models. */
export async function modelsAmong(ask: Ask, paths: readonly string[]): Promise<Set<string>> {
  const models = new Set(paths.filter((path) => path.startsWith(STORE)));
  const others = paths.filter((path) => !models.has(path));
  if (others.length === 0) return models;
  const input = others.map((path) => `${path}\0`).join('');
  const { text } = await ask(['check-attr', '-z', '--stdin', 'filter'], { input });
  const fields = records(text);
  for (let at = 0; at + 2 < fields.length; at += 3)
    if (fields[at + 2] === 'theta') models.add(fields[at] ?? '');
  return models;
}
