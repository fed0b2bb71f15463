/**
 * The tree of a work tree as it is now.
 *
 * In: HEAD, and the paths that may differ from it. Out: a tree in git's database, and what is not in it. Files that
 * differ are stored byte for byte: neither line ends are converted nor filters run. All else is as HEAD has it.
 */
import { join } from 'node:path';
import { hashObjects } from '../../git/objects';
import type { Repository } from '../../git/repository';
import { readable } from '../git/ask';
import type { Entry } from '../git/porcelain';
import type { OpenRepository } from '../open';
import { Files, type Found } from './files';
import { type LeftOut, nameOf } from './left-out';
import type { WorkTree } from './work-tree';

const FILE = '100644';
const EXECUTABLE = '100755';
const LINK = '120000';
const SUBMODULE = '160000';

/** What is held in memory before it is handed to git. */
const BATCH_BYTES = 32 * 1024 * 1024;
const BATCH_FILES = 1000;

export interface BuiltTree {
  readonly tree: string;
  readonly leftOut: readonly LeftOut[];
}

/** Where and what. */
export interface BuildOptions {
  readonly repo: OpenRepository;
  readonly repository: Repository;
  /** The commit that HEAD names. */
  readonly head: string | null;
  readonly work: WorkTree;
  /** A folder for an index. */
  readonly scratch: string;
  readonly signal?: AbortSignal | undefined;
}

/** Builds it. @throws ThetaError `ERR_THETA_PROVENANCE_IO` when a file cannot be read; `ERR_THETA_CANCELLED` */
export async function buildTree(o: BuildOptions): Promise<BuiltTree> {
  const { repo, repository, head, work, scratch, signal } = o;
  const files = new Files(repo.top, signal);
  const modes = await modesOf(repository);
  const update = new Update(repository);
  const leftOut: LeftOut[] = [];
  for (const [path, entry] of work.paths) {
    const found = await files.find(path);
    switch (found.kind) {
      case 'nothing':
        update.remove(path);
        break;
      case 'folder':
        await addFolder(repo, { path, entry, update, leftOut });
        break;
      case 'special':
        update.remove(path);
        leftOut.push({ ...nameOf(path), kind: 'special' });
        break;
      case 'large':
        leftOut.push({
          ...nameOf(path),
          kind: 'large',
          size: found.size,
          sha256: found.sha256,
        });
        break;
      default:
        await update.add(path, modes(found, entry), found.content);
    }
  }
  for (const path of work.models) {
    const found = await files.find(path, { digest: true });
    if (found.kind === 'large') leftOut.push({ ...nameOf(path), ...found, kind: 'model' });
  }
  for (const path of work.repositories)
    leftOut.push({ ...nameOf(path), kind: 'repository', commit: await headOf(repo, path) });
  return { tree: await update.writeTree(repo, head, join(scratch, 'tree')), leftOut };
}

/** A submodule, or a folder where HEAD has a file. */
async function addFolder(
  repo: OpenRepository,
  o: { path: string; entry: Entry | null; update: Update; leftOut: LeftOut[] },
): Promise<void> {
  const { path, entry, update, leftOut } = o;
  const isSubmodule = entry?.submodule.startsWith('S') && entry.staged !== 'D';
  const commit = isSubmodule ? await headOf(repo, path) : null;
  if (commit === null) {
    update.remove(path);
    return;
  }
  update.set(path, SUBMODULE, commit);
  // Of its files that differ from its own commit nothing is kept.
  if (/[MU]/.test(entry?.submodule ?? ''))
    leftOut.push({ ...nameOf(path), kind: 'submodule', commit });
}

/** The commit that a repository inside has checked out. */
async function headOf({ ask }: OpenRepository, path: string): Promise<string | null> {
  const inside = (...args: string[]) =>
    ask(['-C', readable(path), 'rev-parse', ...args], { mayFail: true });
  const up = await inside('--show-cdup');
  // With an answer it is the repository around it that answers.
  if (up.code !== 0 || up.text.trim() !== '') return null;
  const head = await inside('--verify', '--quiet', 'HEAD^{commit}');
  return head.code === 0 ? head.text.trim() : null;
}

type Stored = Extract<Found, { content: Buffer }>;

/** The mode of a file, also where the file system has neither execute bits nor links. */
async function modesOf(
  repository: Repository,
): Promise<(found: Stored, entry: Entry | null) => string> {
  const [bits, links] = await Promise.all([
    repository.config('core.fileMode', 'bool'),
    repository.config('core.symlinks', 'bool'),
  ]);
  return (found, entry) => {
    if (found.kind === 'link') return LINK;
    const known = entry?.modes[1];
    if (links === 'false' && known === LINK) return LINK;
    const executable = bits === 'false' ? known === EXECUTABLE : found.executable;
    return executable ? EXECUTABLE : FILE;
  };
}

/** Entries that are to differ from HEAD's, and their contents on the way to git. */
class Update {
  readonly #repository: Repository;
  readonly #removed: string[] = [];
  readonly #set: string[] = [];
  #waiting: { readonly path: string; readonly mode: string; readonly content: Buffer }[] = [];
  #bytes = 0;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  remove(path: string): void {
    const none = '0'.repeat(this.#repository.objectFormat === 'sha256' ? 64 : 40);
    this.#removed.push(`0 ${none}\t${path}\0`);
  }

  set(path: string, mode: string, id: string): void {
    this.#set.push(`${mode} ${id}\t${path}\0`);
  }

  async add(path: string, mode: string, content: Buffer): Promise<void> {
    this.#waiting.push({ path, mode, content });
    this.#bytes += content.length;
    if (this.#bytes >= BATCH_BYTES || this.#waiting.length >= BATCH_FILES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    const ids = await hashObjects(
      this.#repository,
      batch.map(({ content }) => content),
    );
    for (const [at, { path, mode }] of batch.entries()) this.set(path, mode, ids[at] ?? '');
  }

  /** HEAD's tree with the updates. `indexFile` is written. */
  async writeTree(
    { ask }: OpenRepository,
    head: string | null,
    indexFile: string,
  ): Promise<string> {
    await this.#flush();
    const env = { GIT_INDEX_FILE: indexFile };
    const plain = ['-c', 'core.splitIndex=false', '-c', 'index.sparse=false'];
    await ask([...plain, 'read-tree', head ?? '--empty'], { env });
    // Removals first: a folder may be where a file was.
    const input = [...this.#removed, ...this.#set].join('');
    if (input !== '') await ask([...plain, 'update-index', '-z', '--index-info'], { input, env });
    // HEAD's own objects may be on a server only; the others were just written.
    return (await ask([...plain, 'write-tree', '--missing-ok'], { env })).text.trim();
  }
}
