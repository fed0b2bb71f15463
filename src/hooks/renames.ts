/**
 * Models that were moved by `git mv` and changed before the commit.
 *
 * In: models of HEAD that the index has nowhere. Their new names were not tracked when the changed
 * files were staged, so git has taken the files as they are. Out: the file that such a model is
 * now, if exactly one new file has its format and the names of its tensors; and, once the new name
 * is tracked, an index that has its manifest.
 */
import { lstatSync } from 'node:fs';
import { isTracked } from '../git/attributes';
import { updateIndex } from '../git/index';
import { unpacked } from '../git/objects';
import type { Repository } from '../git/repository';
import type { Manifest } from '../manifest';
import { inspect } from '../native';
import { inStore } from '../store/paths';

/** A file that git has taken as it is. */
export interface RawFile {
  readonly path: string;
  readonly oid: string;
  readonly mode: string;
}

/** New files of the index that nothing of ours has seen. */
export async function newFiles(
  repo: Repository,
  indexFile: string | undefined,
): Promise<RawFile[]> {
  const args = ['diff-index', '--cached', '--diff-filter=A', '--no-renames', '-z', 'HEAD'];
  const { stdout } = await repo.git(args, { indexFile });
  const fields = stdout.split('\0');
  const found: RawFile[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = '', , oid = ''] = (fields[at] as string).split(' ');
    const path = fields[at + 1] as string;
    if (mode.startsWith('100') && !inStore(path)) found.push({ path, oid, mode });
  }
  const tracked = await isTracked(
    repo,
    found.map(({ path }) => path),
  );
  return found.filter(({ path }) => !tracked.get(path));
}

/** The one of these files that a model has become; null where there is none, or more than one. */
export async function successor(
  repo: Repository,
  manifest: Manifest,
  files: readonly RawFile[],
): Promise<RawFile | null> {
  if (manifest.format === 'opaque') return null;
  const names = manifest.tensors.map(({ tensor }) => tensor);
  const found: RawFile[] = [];
  for (const file of files) {
    const path = repo.absolute(file.path);
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const { format, tensors } = JSON.parse(await inspect(path, { bare: true })) as {
      format: string;
      tensors: { name: string }[];
    };
    const own = new Set(tensors.map(({ name }) => name));
    const same = own.size === names.length && names.every((name) => own.has(name));
    if (format === manifest.format && same) found.push(file);
  }
  return found.length === 1 ? (found[0] as RawFile) : null;
}

/** Stages the manifest of a file that is tracked now: of what was staged, not of the work tree. */
export async function stageManifest(
  repo: Repository,
  indexFile: string | undefined,
  { path, oid, mode }: RawFile,
): Promise<void> {
  await unpacked(repo, oid, async (file) => {
    const args = ['hash-object', '-w', `--path=${path}`, '--', file];
    const { stdout } = await repo.git(args, { indexFile });
    await updateIndex(repo, [{ path, oid: stdout.trim(), mode }], { indexFile });
  });
}
