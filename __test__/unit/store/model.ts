/** Manifests over objects that exist, and the chunk keys that the native core would give. */
import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Repository } from '../../../src/git/repository';
import { objectPath } from '../../../src/lfs/store';
import type { Manifest, ObjectRef } from '../../../src/manifest';
import { compareNames } from '../../../src/manifest';

/** Puts bytes into the LFS store of a repository; their object. */
export function putObject(repo: Repository, content: string | Buffer, age = 10): ObjectRef {
  const bytes = Buffer.from(content);
  const oid = createHash('sha256').update(bytes).digest('hex');
  const path = objectPath(repo.objectsDir, oid);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  const time = Date.now() / 1000 - age;
  utimesSync(path, time, time);
  return { oid, size: bytes.length };
}

/** What a model has: a value per tensor. */
export type Values = Record<string, string>;

/** A manifest whose every object comes from `put`. A tensor's value is its one chunk. */
export function makeManifest(values: Values, put: (content: string) => ObjectRef): Manifest {
  const object = (content: string): string => {
    const { oid, size } = put(content);
    return `${oid}:${size}`;
  };
  const hash = (content: string): string => createHash('sha256').update(content).digest('hex');
  const groups = new Set(['']);
  for (const name of Object.keys(values)) {
    for (let end = name.indexOf('/'); end >= 0; end = name.indexOf('/', end + 1))
      groups.add(name.slice(0, end));
  }
  return {
    format: 'safetensors',
    skeleton: {
      size: 9,
      hash: hash('s'),
      chunks: [object('skeleton chunk')],
      meta: object('skeleton meta'),
    },
    groups: [...groups]
      .sort(compareNames)
      .map((group) => ({ group, meta: object(`group ${group}`) })),
    storages: [],
    tensors: Object.keys(values)
      .sort(compareNames)
      .map((tensor) => ({
        tensor,
        dtype: 'float32',
        shape: [4, 3],
        hash: hash(values[tensor] ?? ''),
        chunks: [object(`${tensor} ${values[tensor]}`)],
        meta: object(`meta ${tensor}`),
      })),
  };
}

/** Stand-in for the native core's chunk keys: one axis, numbered. */
export function chunkKeys(records: string): string {
  type Chunks = { chunks?: string[] };
  const all = JSON.parse(records) as (Chunks & { skeleton?: Chunks; stamped?: Chunks })[];
  const keys = all.map((record) => {
    const { chunks } = record.skeleton ?? record.stamped ?? record;
    return chunks ? chunks.map((_, at) => `c.${at}`) : null;
  });
  return JSON.stringify(keys);
}
