// Manifests of checkpoints that do not exist: tensors are names and values, everything else follows.
import { createHash } from 'node:crypto';
import {
  type Manifest,
  type ObjectText,
  parseManifest,
  printManifest,
  type StampedRecord,
  type TensorRecord,
} from '../../../src/manifest';
import { groupsOf } from '../../../src/manifest/check';
import { chunkCount } from '../../../src/manifest/grid';

/** What a tensor is: a value; a value that is stored as a constant; a view of another tensor. */
export type Tensor = string | { fill: number } | { same: string } | { view: string; value: string };

export interface Rest {
  format?: string;
  /** Whatever else is in the file. */
  rest?: string;
  /** What its stamp says. */
  stamp?: string;
  /** Storages that no tensor covers: value by name. */
  storages?: Record<string, string>;
  shape?: Record<string, number[]>;
  /** How arrays are encoded; another encoding gives other objects for the same values. */
  encoding?: string;
}

export const hex = (text: string): string => createHash('sha256').update(text).digest('hex');

const object = (text: string): ObjectText => `${hex(text)}:${10 + (text.length % 5)}`;

function tensorRecord(
  name: string,
  value: Tensor,
  tensors: Record<string, Tensor>,
  rest: Rest,
): TensorRecord {
  const shape = rest.shape?.[name] ?? [4];
  const encoding = rest.encoding ?? '1';
  const head = { tensor: name, dtype: 'float32', shape };
  const size = shape.reduce((product, extent) => product * extent, 1);
  const hash = (of: unknown) => hex(JSON.stringify([of, shape]));
  if (typeof value === 'string') {
    return {
      ...head,
      hash: hash(value),
      chunks: Array.from({ length: chunkCount(shape, 4 * size) }, (_, at) =>
        object(`chunk ${at} ${name} ${value} ${shape} ${encoding}`),
      ),
      meta: object(`meta ${name} ${value} ${shape} ${encoding}`),
    };
  }
  if ('fill' in value) {
    const fill = `0x${value.fill.toString(16).padStart(8, '0')}`;
    return { ...head, hash: hash(value), fill, meta: object(`meta ${name} ${fill} ${shape}`) };
  }
  if ('same' in value) {
    const target = tensors[value.same];
    if (target === undefined) throw new Error(`no tensor ${value.same}`);
    return { ...head, hash: hash(target), same: value.same };
  }
  const of = rest.storages?.[value.view] === undefined ? 'of' : 'storage';
  const view = { [of]: value.view, offset: 0, strides: [1] };
  return { ...head, hash: hash(value.value), view };
}

const stamped = (content: string): StampedRecord => ({
  size: 1000 + content.length,
  hash: hex(`stamped ${content}`),
  chunks: [object(`stamped ${content}`)],
  meta: object(`stamped meta ${content}`),
  of: hex(`of ${content}`),
});

/** The manifest of a file with these tensors. The skeleton depends on their names and shapes. */
export function model(tensors: Record<string, Tensor>, rest: Rest = {}): Manifest {
  const names = Object.keys(tensors).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const records = names.map((name) => tensorRecord(name, tensors[name] ?? '', tensors, rest));
  const frame = JSON.stringify([
    rest.rest,
    rest.storages && Object.keys(rest.storages),
    records.map(({ tensor, shape, same, view }) => [tensor, shape, same, view]),
  ]);
  const manifest: Manifest = {
    format: rest.format ?? 'torch-zip',
    skeleton: {
      size: 1000 + frame.length,
      hash: hex(`skeleton ${frame}`),
      chunks: [object(`skeleton ${frame}`)],
      meta: object(`skeleton meta ${frame}`),
    },
    ...(rest.stamp !== undefined && { stamped: stamped(`${frame} ${rest.stamp}`) }),
    groups: [...groupsOf(names)].sort().map((group) => ({ group, meta: object(`group ${group}`) })),
    storages: Object.entries(rest.storages ?? {})
      .sort()
      .map(([storage, value]) => ({
        storage,
        size: 64,
        hash: hex(`storage ${value}`),
        chunks: [object(`storage ${storage} ${value}`)],
        meta: object(`storage meta ${storage} ${value}`),
      })),
    tensors: records,
  };
  // As it would come back from git: canonical, and valid.
  return parseManifest(printManifest(manifest));
}

/** The manifest of a file that is kept whole. */
export function opaque(value: string): Manifest {
  const manifest: Manifest = {
    format: 'opaque',
    reason: 'unknown-format',
    pieces: [object(value)],
    groups: [],
    storages: [],
    tensors: [],
  };
  return parseManifest(printManifest(manifest));
}

/** Numbers from a seed, so that a failure can be repeated. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
