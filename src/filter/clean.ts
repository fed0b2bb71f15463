/**
 * Clean: the bytes of a checkpoint become its manifest, and its tensors become LFS objects.
 *
 * In: a path and its content as git streams it. Out: the manifest's text; the objects are in the
 * repository's store, unless git itself can store nothing there. A file that is itself a canonical
 * manifest (git left the text in the work tree) comes back unchanged, and so does a Git LFS pointer:
 * as a piece in the store, Git LFS would take it for the pointer of another object.
 *
 * git streams the work-tree file in nearly every case, so the stream is compared with that file
 * as it arrives and kept only from the first difference on. What the file decomposes to is looked
 * up by content first; see cache.ts.
 *
 * Refused: a file that changes while it is read. No content is refused.
 */
import type { Repository } from '../git/repository';
import { looksLikePointer, POINTER_LIKE } from '../lfs/pointer';
import {
  fromRecords,
  isManifest,
  MAX_MANIFEST,
  type Manifest,
  manifestObjects,
  parseManifest,
  printManifest,
} from '../manifest';
import { CleanStream, decompose, type WorkOptions } from '../native';
import { pin } from '../store/pins';
import { atRest, changed, regular, unchanged } from './at-rest';
import { CleanCache } from './cache';
import { destination } from './destination';
import { durable } from './durable';
import { callersIndex, manifestAt, previousRecords } from './previous';

const PREFIX = Buffer.from('{"git-theta":');

/**
 * When this process began, in nanoseconds: git read nothing for us before. What it streams may differ from the file
 * because it is something else (`hash-object --path`); if the file was written since, it may be a mixture of two versions.
 */
const STARTED = BigInt(Math.floor(performance.timeOrigin * 1e6));

/** Cleans one file. `content` is read to its end unless an error is thrown. */
export async function clean(
  repo: Repository,
  path: string,
  content: Iterable<Uint8Array>,
  options: WorkOptions = {},
): Promise<string | Buffer> {
  const file = repo.workTree === '' ? null : repo.absolute(path);
  const before = file ? await atRest(file) : null;
  const place = destination(repo, !repo.isReadOnly());
  const stream = new CleanStream(before ? file : null, place.kept ? repo.temp() : place.temp);
  try {
    const manifest = receive(stream, content);
    if (manifest) return manifest;
    const { source, hash, spooled } = stream.finish();
    if (before && spooled && before.mtimeNs >= STARTED) throw changed(path);
    const cache = new CleanCache(repo.thetaDir, repo.stores());
    const known = cache.get(hash);
    if (known !== null) {
      if (place.kept) await pinNew(repo, path, parseManifest(known));
      return known;
    }

    const { records } = await decompose(source, {
      ...options,
      store: place.store,
      temp: place.temp,
      sync: await durable(repo),
      previous: await previousRecords(repo, path, callersIndex(repo)),
    });
    if (file && !unchanged(before, regular(file))) throw changed(path);
    const found = fromRecords(records);
    const text = printManifest(found);
    if (!place.kept) return text;
    await pinNew(repo, path, found);
    cache.put(hash, text);
    return text;
  } finally {
    stream.discard();
    place.discard();
  }
}

/** Keeps from `git lfs prune` what no commit names yet: a stash, an index, a commit without our hooks. */
export async function pinNew(
  repo: Repository,
  path: string,
  manifest: Manifest,
  o: { copy?: boolean } = {},
): Promise<void> {
  const head = await manifestAt(repo, 'HEAD', path);
  const committed = new Set(head ? manifestObjects(head).map(({ oid }) => oid) : []);
  pin(
    repo,
    manifestObjects(manifest).filter(({ oid }) => !committed.has(oid)),
    o,
  );
}

/** Feeds the stream; hands back the input instead when it is to be stored as it is. */
function receive(stream: CleanStream, content: Iterable<Uint8Array>): Buffer | null {
  let held: Buffer[] | null = [];
  let bytes = 0;
  for (const piece of content) {
    if (!held) {
      stream.write(piece);
      continue;
    }
    held.push(Buffer.from(piece));
    bytes += piece.length;
    if (bytes <= POINTER_LIKE || (bytes <= MAX_MANIFEST && startsLikeManifest(held))) continue;
    for (const earlier of held) stream.write(earlier);
    held = null;
  }
  if (!held) return null;
  const whole = Buffer.concat(held);
  if (isManifest(whole) || looksLikePointer(whole)) return whole;
  stream.write(whole);
  return null;
}

/** True as long as nothing contradicts it: git may send less than the prefix at first. */
function startsLikeManifest(held: Buffer[]): boolean {
  const first = held[0] as Buffer;
  const start = first.length >= PREFIX.length ? first : Buffer.concat(held);
  const length = Math.min(start.length, PREFIX.length);
  return start.subarray(0, length).equals(PREFIX.subarray(0, length));
}
