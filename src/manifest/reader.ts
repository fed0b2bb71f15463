/**
 * Builds a manifest from its records, one by one.
 *
 * In: JSON values in the order of the text. Out: the manifest, and for each record its canonical line. Refused: whatever
 * docs/format/manifest.md does not allow, with the line and the rule.
 */
import {
  asObject,
  groupRecord,
  objects,
  skeletonRecord,
  stampedRecord,
  storageRecord,
  tensorRecord,
} from './canonical';
import { checkManifest, checkSkeleton, checkStorage, checkTensor } from './check';
import { fail } from './failure';
import { compareNames, isText } from './order';
import type { Manifest } from './types';

/** The version of the text format. */
export const VERSION = 1;
/** Most records of a manifest. */
export const MAX_RECORDS = 1_000_000;

/** Kinds of records in the order in which they stand. */
const KINDS = ['git-theta', 'pieces', 'skeleton', 'stamped', 'group', 'storage', 'tensor'] as const;
type Kind = (typeof KINDS)[number];

/** Takes records; `finish` gives the manifest. */
export class ManifestReader {
  readonly #manifest: Manifest = { format: '', groups: [], storages: [], tensors: [] };
  #records = 0;
  #stage: Kind | undefined;

  /** Takes the next record; returns the one text that may encode it. Records are two lines apart. */
  add(input: unknown): string {
    const line = 2 * this.#records + 1;
    if (++this.#records > MAX_RECORDS) {
      throw fail(line, 'limit', `more than ${MAX_RECORDS.toLocaleString('en')} records`);
    }
    const value = asObject(input, line);
    const kind = KINDS.find((key) => value[key] !== undefined);
    if (kind === undefined) throw fail(line, 'record', 'unknown kind of record');
    if (this.#records === 1 && kind !== 'git-theta') {
      throw fail(line, 'header', 'no header: this is not a git-theta manifest');
    }
    if (this.#stage !== undefined && KINDS.indexOf(kind) < KINDS.indexOf(this.#stage)) {
      throw fail(line, 'sequence', `a '${kind}' record after a '${this.#stage}' record`);
    }
    const again = kind === this.#stage;
    this.#stage = kind;
    return JSON.stringify(this.#take(kind, value, line, again));
  }

  #take(kind: Kind, value: Record<string, unknown>, line: number, again: boolean): object {
    const manifest = this.#manifest;
    switch (kind) {
      case 'group': {
        const record = groupRecord(value, line);
        checkSorted(kind, manifest.groups.at(-1)?.group, record.group, line);
        manifest.groups.push(record);
        return record;
      }
      case 'storage': {
        const record = storageRecord(value, line);
        checkSorted(kind, manifest.storages.at(-1)?.storage, record.storage, line);
        checkStorage(record, line);
        manifest.storages.push(record);
        return record;
      }
      case 'tensor': {
        const record = tensorRecord(value, line);
        checkSorted(kind, manifest.tensors.at(-1)?.tensor, record.tensor, line);
        checkTensor(record, line);
        manifest.tensors.push(record);
        return record;
      }
      default:
        if (again) throw fail(line, 'sequence', `a second '${kind}' record`);
        return this.#takeSingle(kind, value, line);
    }
  }

  #takeSingle(
    kind: 'git-theta' | 'pieces' | 'skeleton' | 'stamped',
    value: Record<string, unknown>,
    line: number,
  ): object {
    const manifest = this.#manifest;
    if (kind === 'git-theta') return this.#header(value, line);
    for (const key in value) {
      if (key !== kind) throw fail(line, 'key', `unknown key '${key}'`);
    }
    if (kind === 'pieces') {
      manifest.pieces = objects(value.pieces, 'pieces', line);
      return { pieces: manifest.pieces };
    }
    if (kind === 'skeleton') {
      manifest.skeleton = skeletonRecord(value.skeleton, line);
      checkSkeleton(manifest.skeleton, line);
      return { skeleton: manifest.skeleton };
    }
    manifest.stamped = stampedRecord(value.stamped, line);
    checkSkeleton(manifest.stamped, line);
    if (manifest.stamped.hash === manifest.skeleton?.hash) {
      throw fail(line, 'stamped', "'stamped' is the same as 'skeleton'");
    }
    return { stamped: manifest.stamped };
  }

  #header(value: Record<string, unknown>, line: number): object {
    const version = value['git-theta'];
    if (version !== VERSION) {
      const hint = 'a newer git-theta may read it';
      throw fail(line, 'version', `unknown manifest version ${JSON.stringify(version)}`, hint);
    }
    for (const key in value) {
      if (!['git-theta', 'format', 'reason'].includes(key)) {
        throw fail(line, 'key', `unknown key '${key}'`);
      }
    }
    const { format, reason } = value;
    if (!isText(format) || format === '') throw fail(line, 'header', "no 'format'");
    this.#manifest.format = format;
    const header = { 'git-theta': VERSION, format };
    if (format !== 'opaque') {
      if (reason !== undefined) throw fail(line, 'header', "'reason' of a file that is not opaque");
      return header;
    }
    if (!isText(reason) || reason === '')
      throw fail(line, 'header', "an opaque file needs 'reason'");
    this.#manifest.reason = reason;
    return { ...header, reason };
  }

  /** The manifest, after the checks that need all records. */
  finish(): Manifest {
    const manifest = this.#manifest;
    const end = Math.max(1, 2 * this.#records - 1);
    if (this.#records === 0) throw fail(1, 'header', 'no header: this is not a git-theta manifest');
    const opaque = manifest.format === 'opaque';
    if (
      opaque !== (manifest.pieces !== undefined) ||
      opaque === (manifest.skeleton !== undefined)
    ) {
      throw fail(
        end,
        'sequence',
        `format '${manifest.format}' needs '${opaque ? 'pieces' : 'skeleton'}'`,
      );
    }
    if (opaque) {
      const { stamped, groups, storages, tensors } = manifest;
      if (!stamped && groups.length + storages.length + tensors.length === 0) return manifest;
      throw fail(end, 'sequence', 'an opaque file has no stamp, groups, storages or tensors');
    }
    const group = manifest.stamped ? 7 : 5;
    const storage = group + 2 * manifest.groups.length;
    const tensor = storage + 2 * manifest.storages.length;
    checkManifest(manifest, { group, storage, tensor });
    return manifest;
  }
}

function checkSorted(kind: Kind, before: string | undefined, name: string, line: number): void {
  if (before === undefined) return;
  const order = compareNames(before, name);
  if (order < 0) return;
  const what =
    order === 0 ? `${kind} '${name}' is there twice` : `${kind} '${name}' is out of order`;
  throw fail(line, 'sorted', what);
}
