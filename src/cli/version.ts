/** What `git theta version` prints. */
import { version } from '../version';

/** In the shape of `git version`. */
export function versionLine(): string {
  return `git-theta version ${version()}`;
}
