/**
 * `git theta pull` and `git theta push`: git's own commands, with the objects on the right side.
 *
 * pull: git pulls, then what the work tree still lacks is fetched and written. push: what the
 * push would move is found out first and its objects are uploaded, whether hooks are installed or
 * not; git pushes only after that.
 */
import { spawn } from 'node:child_process';
import { ThetaError } from '../errors';
import { gitFailed } from '../git/child';
import type { Repository } from '../git/repository';
import { type CheckedOut, type CheckoutOptions, checkout } from './checkout';
import { fetch } from './fetch';
import { lfsPrePush, lfsPushAll } from './lfs-pre-push';
import { type PushedRef, type UploadOptions, type UploadReport, upload } from './push';

/** Runs git with the user's terminal; its exit code. */
function interactive(repo: Repository, args: readonly string[]): Promise<number> {
  const child = spawn('git', [...args], { cwd: repo.cwd, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function failed(command: string, code: number): ThetaError {
  return new ThetaError('ERR_THETA_GIT_FAILED', `git ${command} failed (exit code ${code})`);
}

/** Pulls, and completes the work tree. `args` go to `git pull`. */
export async function pull(
  repo: Repository,
  args: readonly string[],
  options: CheckoutOptions = {},
): Promise<CheckedOut[]> {
  const code = await interactive(repo, ['pull', ...args]);
  if (code !== 0) throw failed('pull', code);
  await fetch(repo, [], options.signal ? { signal: options.signal } : {});
  return checkout(repo, [], options);
}

/** Uploads the objects of a push, then pushes. `args` go to `git push`. */
export async function push(
  repo: Repository,
  args: readonly string[],
  options: UploadOptions & { dryRun?: boolean } = {},
): Promise<UploadReport> {
  const { dryRun, ...work } = options;
  const { allObjects = false } = work;
  const { remote, pushed } = await planned(repo, args, allObjects);
  let report: UploadReport = { versions: 0, objects: 0, unlisted: 0 };
  if (!dryRun && pushed.length > 0) {
    const lines = pushed.map(
      (ref) => `${ref.localRef} ${ref.localOid} ${ref.remoteRef} ${ref.remoteOid}\n`,
    );
    const refs = pushed.map(({ localRef }) => localRef);
    const lfs = () =>
      allObjects ? lfsPushAll(remote, refs) : lfsPrePush([remote, remote], lines.join(''));
    report = await upload(repo, remote, pushed, lfs, work);
  }
  const code = await interactive(repo, ['push', ...(dryRun ? ['--dry-run'] : []), ...args]);
  if (code !== 0) throw failed('push', code);
  return report;
}

/**
 * What `git push` would do with these arguments, in the form of a pre-push hook's input; with `all`
 * also what is there already.
 */
async function planned(
  repo: Repository,
  args: readonly string[],
  all: boolean,
): Promise<{ remote: string; pushed: PushedRef[] }> {
  const dry = ['push', '--dry-run', '--no-verify', '--porcelain', ...args];
  const { code, stdout, stderr } = await repo.git(dry, { check: false });
  const pushed: PushedRef[] = [];
  let url = '';
  for (const line of stdout.split('\n')) {
    if (line.startsWith('To ')) url = line.slice(3);
    const [flag, refs = ''] = line.split('\t');
    const [from, to] = refs.split(':');
    // `=`: there already; `-`: a deletion; `!`: git itself will refuse it.
    const moves = /^[ +*]$/.test(flag ?? '') || (all && flag === '=');
    if (!from || !to || !moves) continue;
    const { stdout: oid } = await repo.git(['rev-parse', '--verify', from]);
    pushed.push({ localRef: from, localOid: oid.trim(), remoteRef: to, remoteOid: '0'.repeat(40) });
  }
  if (code !== 0 && pushed.length === 0) {
    throw gitFailed(dry, code, stderr);
  }
  return { remote: await remoteName(repo, args, url), pushed };
}

/** The remote that was named, or the one whose push URL git has printed. */
async function remoteName(repo: Repository, args: readonly string[], url: string): Promise<string> {
  const { stdout } = await repo.git(['remote']);
  const remotes = stdout.split('\n').filter((name) => name !== '');
  const named = args.find((arg) => remotes.includes(arg));
  if (named) return named;
  for (const name of remotes) {
    const { stdout: urls } = await repo.git(['remote', 'get-url', '--push', '--all', name]);
    if (urls.split('\n').includes(url)) return name;
  }
  return url;
}
