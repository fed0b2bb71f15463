/**
 * Stages the attribute files that a staged model depends on.
 *
 * In: models. Out: `.git_theta/.gitattributes` is written and staged, and every `.gitattributes`
 * on the way to the models that mentions git-theta is staged as it is. Without them a clone would
 * check out manifests instead of checkpoints.
 */
import { existsSync } from 'node:fs';
import { readAttributes } from '../git/attribute-file';
import type { Repository } from '../git/repository';
import { ensureStoreAttributes } from '../store/attributes';

/** Stages the files; nothing happens where the index has them already. */
export async function stageAttributes(
  repo: Repository,
  models: readonly string[],
  indexFile: string | undefined,
): Promise<void> {
  await ensureStoreAttributes(repo, { indexFile, workTree: true });
  const folders = new Set(['']);
  for (const model of models) {
    for (let end = model.lastIndexOf('/'); end > 0; end = model.lastIndexOf('/', end - 1)) {
      folders.add(model.slice(0, end + 1));
    }
  }
  const files: string[] = [];
  for (const folder of folders) {
    const path = `${folder}.gitattributes`;
    const file = repo.absolute(path);
    if (!existsSync(file)) continue;
    const rules = (await readAttributes(file)).rules();
    if (rules.some(({ attributes }) => attributes.includes('filter=theta'))) files.push(path);
  }
  if (files.length === 0) return;
  // --force: a work tree may ignore dot files, but not these.
  await repo.git(['--literal-pathspecs', 'add', '--force', '--', ...files], { indexFile });
}
