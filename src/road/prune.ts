/**
 * `git theta prune`: `git lfs prune`, after what it would wrongly delete has been pinned.
 *
 * git-lfs keeps what pointers name in HEAD, in the work trees, in stashes, in recent and in
 * unpushed commits. Of the same places, what only a manifest names, and all that only an index
 * names, is pinned first. Pins that nothing needs any more go.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ThetaError } from '../errors';
import { blobOid } from '../git/pack';
import type { Repository } from '../git/repository';
import { printPointer } from '../lfs/pointer';
import { hasObject } from '../lfs/store';
import { checkLfsVersion } from '../lfs/version';
import { manifestObjects, type ObjectRef } from '../manifest';
import { STORE_FOLDER } from '../store/paths';
import { pin, pinFolder, pinned } from '../store/pins';
import { dropAbandoned } from './abandoned';
import { versions } from './history';
import { modelsInIndex, modelsInTree } from './models';
import { release } from './release';
import { compareStore, storeEntries } from './unlisted';

/** Options of `prune`. */
export interface PruneOptions {
  readonly dryRun?: boolean;
  /** Have git-lfs ask the remote before it deletes. */
  readonly verifyRemote?: boolean;
  readonly verbose?: boolean;
}

/** What was done about pins; git-lfs reports its own part itself. */
export interface PruneReport {
  /** Objects that only manifests or the index need. */
  readonly kept: number;
  readonly pinned: number;
  readonly unpinned: number;
}

/** Pins, prunes, and gives up pins. `output`: where git-lfs's report goes. */
export async function prune(
  repo: Repository,
  options: PruneOptions = {},
  output: 'inherit' | 'stderr' = 'inherit',
): Promise<PruneReport> {
  await checkLfsVersion();
  const needed = await neededPins(repo);
  const fresh = [...needed.values()].filter(
    (ref) => !hasObject(pinFolder(repo), ref) && hasObject(repo.objectsDir, ref),
  ).length;
  const obsolete = pinned(repo).filter((oid) => !needed.has(oid));
  if (!options.dryRun) pin(repo, needed.values());
  await lfsPrune(repo, options, output);
  if (!options.dryRun) {
    await release(repo, obsolete);
    const models = repo.isBare ? [] : await modelsInIndex(repo, null);
    dropAbandoned(
      repo,
      models.map(({ path }) => path),
    );
  }
  return { kept: needed.size, pinned: fresh, unpinned: obsolete.length };
}

/** Objects that have to stay although git-lfs sees no reason for it. */
export async function neededPins(repo: Repository): Promise<Map<string, ObjectRef>> {
  const needed = new Map<string, ObjectRef>();
  const need = (refs: readonly ObjectRef[]) => {
    for (const ref of refs) needed.set(ref.oid, ref);
  };
  for (const rev of await retained(repo)) {
    for (const { path, manifest } of await modelsInTree(repo, rev)) {
      if (manifest) need((await compareStore(repo, { rev }, path, manifest)).unlisted);
    }
  }
  const local = ['--branches', '--tags', 'HEAD'];
  if (await exists(repo, 'HEAD')) {
    const heads = await lines(repo, ['rev-parse', '--branches', '--tags', 'HEAD']);
    for await (const { commit, path, manifest } of versions(
      repo,
      [...local, '--not', '--remotes'],
      heads,
    )) {
      need((await compareStore(repo, { rev: commit }, path, manifest)).unlisted);
    }
  }
  for (const indexFile of indexFiles(repo)) need(await onlyInIndex(repo, indexFile));
  return needed;
}

/** Commits that have to be possible to check out: HEADs of all work trees, branches, stashes. */
async function retained(repo: Repository): Promise<string[]> {
  const worktrees = await lines(repo, ['worktree', 'list', '--porcelain']);
  const found = worktrees.filter((line) => line.startsWith('HEAD ')).map((line) => line.slice(5));
  found.push(...(await lines(repo, ['rev-parse', '--branches', '--tags'])));
  if (await exists(repo, 'refs/stash')) {
    for (const stash of await lines(repo, ['rev-list', '-g', 'refs/stash'])) {
      found.push(...(await lines(repo, ['rev-parse', stash, `${stash}^@`])));
    }
  }
  return [...new Set(found)].filter((oid) => !/^0+$/.test(oid));
}

/** Objects of the index's manifests that HEAD's tree does not name: git-lfs looks at trees only. */
async function onlyInIndex(repo: Repository, indexFile: string): Promise<ObjectRef[]> {
  const listed = (await exists(repo, 'HEAD'))
    ? new Set((await storeEntries(repo, { rev: 'HEAD' }, STORE_FOLDER)).values())
    : new Set<string>();
  const models = await modelsInIndex(repo, null, indexFile);
  return models
    .flatMap(({ manifest }) => (manifest ? manifestObjects(manifest) : []))
    .filter((ref) => !listed.has(blobOid(repo.objectFormat, printPointer(ref))));
}

/** The index of every work tree. */
function indexFiles(repo: Repository): string[] {
  const folder = join(repo.commonDir, 'worktrees');
  const linked = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return [repo.commonDir, ...linked]
    .map((dir) => join(dir, 'index'))
    .filter((file) => existsSync(file));
}

async function exists(repo: Repository, rev: string): Promise<boolean> {
  const { code } = await repo.git(['rev-parse', '--verify', '--quiet', rev], { check: false });
  return code === 0;
}

async function lines(repo: Repository, args: string[]): Promise<string[]> {
  const { stdout } = await repo.git(args, { check: false });
  return stdout.split('\n').filter((line) => line !== '');
}

async function lfsPrune(
  repo: Repository,
  options: PruneOptions,
  output: 'inherit' | 'stderr',
): Promise<void> {
  const args = ['lfs', 'prune'];
  if (options.dryRun) args.push('--dry-run');
  if (options.verifyRemote) args.push('--verify-remote');
  if (options.verbose) args.push('--verbose');
  const child = spawn('git', args, {
    cwd: repo.cwd,
    stdio: ['ignore', output === 'inherit' ? 'inherit' : 2, 'inherit'],
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? 1));
  });
  if (code === 0) return;
  throw new ThetaError('ERR_THETA_LFS_FAILED', `git lfs prune failed (exit code ${code})`, {
    hint: 'See what it says above.',
  });
}
