/** Clean of whatever git gives our filter: a checkpoint, or a file of the store. */
import type { Repository } from '../git/repository';
import { inStore } from '../store/paths';
import { clean } from './clean';
import { cleanStoreFile } from './clean-store';

/** Cleans one file: the text that git stores for it. */
export async function cleanFile(
  repo: Repository,
  path: string,
  content: Iterable<Uint8Array>,
): Promise<string | Buffer> {
  return inStore(path) ? cleanStoreFile(repo, content) : clean(repo, path, content);
}
