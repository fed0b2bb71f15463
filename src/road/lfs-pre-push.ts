/**
 * Runs git-lfs's own pre-push, whose place our hook has taken, or its push of a whole history.
 *
 * In: the hook's arguments and standard input; a remote and refs. Out: git-lfs's messages as they
 * come. Refused: what git-lfs refuses.
 */
import { spawn } from 'node:child_process';
import { ThetaError } from '../errors';

/** Runs `git lfs pre-push`. */
export async function lfsPrePush(args: readonly string[], input: string): Promise<void> {
  await lfs(['lfs', 'pre-push', ...args], input);
}

/** Uploads what pointers name in all of the history of these refs, and the remote lacks. */
export async function lfsPushAll(remote: string, refs: readonly string[]): Promise<void> {
  await lfs(['-c', 'lfs.allowincompletepush=false', 'lfs', 'push', '--all', remote, ...refs], '');
}

async function lfs(args: readonly string[], input: string): Promise<void> {
  const child = spawn('git', args, { stdio: ['pipe', 2, 2] });
  // git-lfs may end before it has read everything.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? 1));
  });
  if (code !== 0) {
    const [, command] = args.slice(args.indexOf('lfs'));
    throw new ThetaError('ERR_THETA_LFS_FAILED', `git lfs ${command} failed (exit code ${code})`, {
      hint: 'See what it says above; `git lfs logs last` may have more.',
    });
  }
}
