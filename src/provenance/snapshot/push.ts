/**
 * One ref, pushed under its own name.
 *
 * In: a ref, and a remote or none. Out: the remote. Refused: no remote, several of which none is the obvious one, what
 * looks like an option. A push that fails keeps everything here, and its error says what git said, without credentials.
 */
import { isThetaError, ThetaError } from '../../errors';
import { readable, records } from '../git/ask';
import { redactUrl } from '../git/redact';
import type { OpenRepository } from '../open';

/** Pushes. @throws ThetaError `ERR_THETA_PROVENANCE_IO`, `ERR_THETA_USAGE`, `ERR_THETA_CANCELLED` */
export async function pushRef(repo: OpenRepository, ref: string, remote?: string): Promise<string> {
  const to = remote ?? (await defaultRemote(repo));
  if (to === '' || to.startsWith('-'))
    throw new ThetaError('ERR_THETA_USAGE', `'${to}' is no name of a remote`);
  try {
    await repo.ask(['push', '--quiet', '--', to, `${ref}:${ref}`]);
    return redactUrl(to) ?? to;
  } catch (error) {
    if (!isThetaError(error) || error.code === 'ERR_THETA_CANCELLED') throw error;
    throw new ThetaError(
      'ERR_THETA_PROVENANCE_IO',
      `the snapshot was not pushed: ${withoutCredentials(error.message)}`,
      { hint: `It is kept here as ${ref}; \`git push\` takes that name.`, cause: error },
    );
  }
}

function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^/\s'"]*@/g, '://');
}

/** Where git would push the branch to, else `origin`, else the only one. */
async function defaultRemote({ ask }: OpenRepository): Promise<string> {
  const config = async (key: string): Promise<string | undefined> =>
    records((await ask(['config', '-z', '--get', key], { mayFail: true })).text).map(readable)[0];
  const branch = readable(
    (await ask(['symbolic-ref', '--quiet', '--short', 'HEAD'], { mayFail: true })).text.trim(),
  );
  const own = branch === '' ? undefined : await config(`branch.${branch}.pushRemote`);
  const configured =
    own ??
    (await config('remote.pushDefault')) ??
    (branch === '' ? undefined : await config(`branch.${branch}.remote`));
  if (configured !== undefined) return configured;
  const remotes = readable((await ask(['remote'])).text)
    .split('\n')
    .filter(Boolean);
  const [only] = remotes;
  if (remotes.includes('origin')) return 'origin';
  if (only !== undefined && remotes.length === 1) return only;
  throw new ThetaError(
    'ERR_THETA_PROVENANCE_IO',
    remotes.length === 0
      ? 'the snapshot was not pushed: there is no remote'
      : 'the snapshot was not pushed: there are several remotes',
    { hint: 'Name the remote with --remote; the snapshot is kept here.' },
  );
}
