/**
 * Uncommitted code as a commit of its own.
 *
 * In: a work tree. Out: a commit below `refs/theta/snapshots/` with HEAD as its parent and the work tree's files,
 * tracked or not, as its tree; nothing for a clean one. Models and large files are left out, and named in the message.
 * The user's index, files and HEAD stay as they are. The same files on the same HEAD give the same commit. Refused: a
 * file that cannot be read.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ThetaError } from '../../errors';
import { Repository } from '../../git/repository';
import { records } from '../git/ask';
import { type OpenRepository, openRepository } from '../open';
import { NAMESPACE, type Snapshot } from './find';
import { type LeftOut, printMessage } from './left-out';
import { pushRef } from './push';
import { buildTree } from './tree';
import { lookAt, type WorkTree } from './work-tree';

/** How {@link snapshot} works. */
export interface SnapshotOptions {
  /** A folder of the repository; by default the current one. */
  readonly dir?: string | undefined;
  /** Push it, too. */
  readonly push?: boolean | undefined;
  /** Where to; by default where the branch is pushed to, else `origin`, else the only remote. */
  readonly remote?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link snapshot} made. */
export interface SnapshotResult extends Snapshot {
  /** It was not there before. */
  readonly created: boolean;
  /** Paths in which its tree differs from HEAD's. */
  readonly files: number;
  /** The remote that it was pushed to. */
  readonly pushed: string | null;
}

const ATTEMPTS = 3;
const ID_DIGITS = 16;
const AUTHOR = 'git-theta';
const EMAIL = 'snapshot@git-theta.invalid';

/**
 * Keeps uncommitted code.
 *
 * @returns `null` when there is none: HEAD is the code. Changed models alone are no reason for a snapshot.
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_GIT`; `ERR_THETA_PROVENANCE_IO` when a file cannot be read, or the push
 *   failed, after which the snapshot is kept; `ERR_THETA_CANCELLED`; what git fails with.
 */
export function snapshot(o: SnapshotOptions = {}): Promise<SnapshotResult | null> {
  return make(o, (work) => work);
}

/**
 * As {@link snapshot}, to be named in the stamp of a checkpoint. It says nothing of models, nor of the checkpoint and
 * the file beside it: all checkpoints of a run have the same snapshot, and stamping changes none.
 *
 * @param checkpoint - `null` before there is one.
 */
export function snapshotFor(
  checkpoint: string | null,
  o: Pick<SnapshotOptions, 'dir' | 'signal'>,
): Promise<SnapshotResult | null> {
  return make(o, (work, top) => {
    if (checkpoint === null) return { ...work, models: [] };
    const paths = new Map(work.paths);
    const own = pathIn(top, checkpoint);
    for (const path of [own, `${own}.provenance.json`]) paths.delete(path);
    return { ...work, paths, models: [] };
  });
}

/** The path of a file as git names it, one character for each byte. */
function pathIn(top: string, file: string): string {
  const path = relative(top, join(realpathSync(dirname(resolve(file))), basename(file)));
  return Buffer.from(path.replaceAll(sep, '/')).toString('latin1');
}

type Choose = (work: WorkTree, top: string) => WorkTree;

async function make(o: SnapshotOptions, choose: Choose): Promise<SnapshotResult | null> {
  const repo = await openRepository(o.dir, o.signal);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const head = await askHead(repo);
    const made = await take(repo, head, choose, o.signal);
    // Compared with another commit than was meant, a change may have been missed.
    if ((await askHead(repo)).commit !== head.commit) continue;
    if (!made) return null;
    const created = await keep(repo, made);
    const pushed = o.push ? await pushRef(repo, made.ref, o.remote) : null;
    return { ...made, created, pushed };
  }
  throw new ThetaError(
    'ERR_THETA_PROVENANCE_REFUSED',
    'another program keeps committing while the snapshot is made',
    { hint: 'Try again when it has ended.' },
  );
}

interface Head {
  readonly commit: string | null;
  readonly tree: string;
  readonly date: number;
}

async function askHead({ ask }: OpenRepository): Promise<Head> {
  const found = await ask(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { mayFail: true });
  if (found.code !== 0) {
    const { text } = await ask(['hash-object', '-t', 'tree', '--stdin'], { input: '' });
    return { commit: null, tree: text.trim(), date: 0 };
  }
  const commit = found.text.trim();
  const log = ['log', '-1', '--no-show-signature', '--no-color', '--format=%T %ct'];
  const [tree = '', date] = (await ask([...log, commit])).text.trim().split(' ');
  return { commit, tree, date: Number(date) };
}

type Made = Omit<SnapshotResult, 'created' | 'pushed'>;

async function take(
  repo: OpenRepository,
  head: Head,
  choose: Choose,
  signal: AbortSignal | undefined,
): Promise<Made | null> {
  const repository = await Repository.discover(repo.top, { env: {} });
  const scratch = mkdtempSync(join(repository.scratch(), 'snapshot-'));
  try {
    const work = choose(await lookAt(repo, scratch), repo.top);
    const o = { repo, repository, head: head.commit, work, scratch, signal };
    const { tree, leftOut } = await buildTree(o);
    if (tree === head.tree && leftOut.every(({ kind }) => kind === 'model')) return null;
    const date = sourceDate() ?? head.date;
    const commit = await commitTree(repo, { tree, parent: head.commit, date, leftOut });
    const id = commit.slice(0, ID_DIGITS);
    const { text } = await repo.ask(['diff-tree', '-r', '-z', '--name-only', head.tree, tree]);
    return {
      id,
      ref: `${NAMESPACE}${id}`,
      commit,
      tree,
      parent: head.commit,
      date,
      leftOut,
      files: records(text).length,
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The date that builds which are to be the same give to everything. */
function sourceDate(): number | null {
  const given = process.env.SOURCE_DATE_EPOCH ?? '';
  return /^\d{1,11}$/.test(given) ? Number(given) : null;
}

async function commitTree(
  { ask }: OpenRepository,
  o: {
    readonly tree: string;
    readonly parent: string | null;
    readonly date: number;
    readonly leftOut: readonly LeftOut[];
  },
): Promise<string> {
  const when = `@${o.date} +0000`;
  const parent = o.parent === null ? [] : ['-p', o.parent];
  const { text } = await ask(
    ['-c', 'i18n.commitEncoding=UTF-8', 'commit-tree', o.tree, ...parent],
    {
      input: printMessage(o.leftOut),
      env: {
        GIT_AUTHOR_NAME: AUTHOR,
        GIT_AUTHOR_EMAIL: EMAIL,
        GIT_AUTHOR_DATE: when,
        GIT_COMMITTER_NAME: AUTHOR,
        GIT_COMMITTER_EMAIL: EMAIL,
        GIT_COMMITTER_DATE: when,
      },
    },
  );
  return text.trim();
}

/** Gives it its name; whether it had none. */
async function keep({ ask }: OpenRepository, { ref, commit }: Made): Promise<boolean> {
  const found = await ask(['rev-parse', '--verify', '--quiet', ref], { mayFail: true });
  if (found.text.trim() === commit) return false;
  await ask(['update-ref', '--no-deref', '-m', 'git theta provenance snapshot', ref, commit]);
  return true;
}
