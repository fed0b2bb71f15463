/**
 * Whether a usable Git LFS is installed.
 */
import { ThetaError } from '../errors';
import { git } from '../git/run';
import { isAtLeast, parseVersion } from '../git/version';

/** Oldest Git LFS that this is tested with. */
export const OLDEST_LFS = '3.3';

/**
 * The version of Git LFS.
 *
 * @throws ThetaError `ERR_THETA_LFS_MISSING`, `ERR_THETA_LFS_TOO_OLD`.
 */
export async function checkLfsVersion(): Promise<string> {
  const { code, stdout } = await git(['lfs', 'version'], { check: false });
  const version = code === 0 ? parseVersion(stdout.replace(/^git-lfs\//, '')) : null;
  if (!version) {
    throw new ThetaError('ERR_THETA_LFS_MISSING', 'git-lfs is not installed', {
      hint: `Install Git LFS ${OLDEST_LFS} or newer, then run \`git theta install\`.`,
    });
  }
  const [major = 0, minor = 0] = OLDEST_LFS.split('.').map(Number);
  if (isAtLeast(version, major, minor)) return version.text;
  throw new ThetaError(
    'ERR_THETA_LFS_TOO_OLD',
    `git-lfs ${version.text} is older than ${OLDEST_LFS}`,
    {
      hint: `Install Git LFS ${OLDEST_LFS} or newer, then run \`git theta install\`.`,
    },
  );
}
