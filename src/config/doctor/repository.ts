/** Checks of a repository: attributes, checkpoints, their objects, and the file system. */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trackedFiles } from '../../git/attributes';
import { lsFiles } from '../../git/index';
import { catFiles } from '../../git/objects';
import type { Repository } from '../../git/repository';
import { looksLikeManifest, parseManifest } from '../../manifest';
import { isStoreOurs, STORE_ATTRIBUTES } from '../../store/attributes';
import { missingObjects } from '../../store/missing';
import { STORE_FOLDER } from '../../store/paths';
import { filtersOf, rawFiles } from '../matches';
import { ATTRIBUTES_FILE } from '../patterns';
import { type Check, failure, ok, some, warning } from './check';
import { checkHooks } from './hooks';

async function checkStoreAttributes(repo: Repository): Promise<Check> {
  const path = `${STORE_FOLDER}/${ATTRIBUTES_FILE}`;
  const inTree = await readFile(join(repo.workTree, path), 'utf8').catch(() => undefined);
  const id = 'store-attributes';
  if (inTree === undefined) return failure(id, `${path} is missing.`, 'git theta add <checkpoint>');
  if (inTree !== STORE_ATTRIBUTES) {
    return failure(id, `${path} is not as git-theta writes it.`, 'git theta add <checkpoint>');
  }
  const staged = await lsFiles(repo, [path]);
  if (staged.length === 0) return warning(id, `${path} is not staged.`, `git add ${path}`);
  return ok(id, `${path} is there and staged.`);
}

/** Whether clones and checkouts link the store's files, or take them through Git LFS and git's pipe. */
async function checkStoreFilter(repo: Repository): Promise<Check> {
  const id = 'store-filter';
  if (await isStoreOurs(repo)) return ok(id, 'Store files are linked by git-theta.');
  const message =
    'Store files go through Git LFS, which takes longer: no attributes file has the macro for them.';
  return warning(id, message, 'git theta install');
}

/** The first bytes of a file in the work tree; nothing when it is not there. */
async function startOf(file: string): Promise<Buffer | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function checkWorkTree(repo: Repository, models: readonly string[]): Promise<Check> {
  const manifests: string[] = [];
  for (const path of models) {
    const start = await startOf(join(repo.workTree, path));
    if (start && looksLikeManifest(start)) manifests.push(path);
  }
  if (manifests.length === 0)
    return ok('work-tree', 'Every checkpoint in the work tree is complete.');
  const are =
    manifests.length === 1
      ? 'is in the work tree as its manifest'
      : 'are in the work tree as manifests';
  return warning(
    'work-tree',
    `${some(manifests)} ${are}.`,
    'git theta pull, or git theta checkout',
  );
}

async function checkObjects(repo: Repository, models: readonly string[]): Promise<Check[]> {
  const raw = await rawFiles(repo, models);
  const whole = new Set(raw);
  const oids = new Set<string>();
  const specs = models.filter((path) => !whole.has(path)).map((path) => `:0:${path}`);
  for await (const { content, oid } of catFiles(repo, specs)) {
    if (oid === null) continue;
    for (const ref of missingObjects(repo, parseManifest(content))) oids.add(ref.oid);
  }
  const checks: Check[] = [];
  if (raw.length > 0) {
    const message = `In git as whole files, not tensor by tensor: ${some(raw)}.`;
    checks.push(warning('whole-files', message, `git theta add ${raw[0]}`));
  }
  if (oids.size === 0) checks.push(ok('objects', 'All objects of the checkpoints are here.'));
  else {
    const message = `Objects of the checkpoints that are not here: ${oids.size}.`;
    checks.push(warning('objects', message, 'git theta fetch'));
  }
  return checks;
}

/** Whether store files can share space with the objects of Git LFS. */
async function checkLinks(repo: Repository): Promise<Check> {
  const name = `theta-doctor-${process.pid}`;
  const from = join(repo.lfsDir, name);
  const to = join(repo.workTree, `.${name}`);
  const works = async (make: () => Promise<void>) => {
    try {
      await make();
      return true;
    } catch {
      return false;
    } finally {
      await rm(to, { force: true });
    }
  };
  try {
    await mkdir(repo.lfsDir, { recursive: true });
    await writeFile(from, 'x');
    const hard = await works(() => link(from, to));
    const ref = await works(() => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE));
    const kinds = [...(hard ? ['hard links'] : []), ...(ref ? ['reflinks'] : [])].join(' and ');
    if (kinds) return ok('links', `The file system has ${kinds} for store files.`);
    const message = 'Neither hard links nor reflinks work between the work tree and Git LFS.';
    return warning('links', `${message} Store files are copies.`);
  } catch (error) {
    return warning('links', `Links could not be tried: ${(error as Error).message}.`);
  } finally {
    await rm(from, { force: true });
  }
}

/** Everything about one repository. */
export async function checkRepository(repo: Repository): Promise<Check[]> {
  const models = await trackedFiles(repo);
  const checks = await checkHooks(repo);
  if (models.length > 0) {
    checks.push(await checkStoreAttributes(repo), await checkStoreFilter(repo));
    const uses = await filtersOf(repo, models);
    const lost = uses.filter(({ filter }) => filter !== 'theta').map(({ path }) => path);
    if (lost.length > 0) {
      const message = `Tracked in the index, but not in the work tree: ${some(lost)}.`;
      checks.push(warning('attributes', message, `git diff -- ${ATTRIBUTES_FILE}`));
    }
    checks.push(await checkWorkTree(repo, models), ...(await checkObjects(repo, models)));
  }
  checks.push(await checkLinks(repo));
  return checks;
}
