/**
 * pre-push: no ref reaches the remote before the objects that its manifests need.
 *
 * In: the remote's name and URL as arguments, the pushed refs as git writes them to standard
 * input. Out: git-lfs's own pre-push has run with the same input, and the rest is uploaded. Any
 * failure fails the push.
 */
import type { Repository } from '../git/repository';
import { lfsPrePush } from '../road/lfs-pre-push';
import { parsePushed, upload } from '../road/push';

/** Uploads what the push needs. `GIT_LFS_SKIP_PUSH` means the same as to git-lfs. */
export async function prePush(
  repo: Repository,
  args: readonly string[],
  input: string,
): Promise<void> {
  if (/^(1|true|t|yes|y|on)$/i.test(process.env.GIT_LFS_SKIP_PUSH ?? '')) return;
  const [remote = 'origin'] = args;
  await upload(repo, remote, parsePushed(input), () => lfsPrePush(args, input));
}
