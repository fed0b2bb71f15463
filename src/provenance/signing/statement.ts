/**
 * What is signed: an in-toto statement that lists files with their digests.
 *
 * In: the payload of a bundle. Out: the files, and how they were found and hashed. Or the other
 * way. Refused: other predicates, names that are no paths below a folder, a name that appears
 * twice, digests of the wrong length, a root digest that is not that of the list.
 */
import { createHash } from 'node:crypto';
import { FILE_HASHES, type FileHash, isFileHash } from './algorithms';
import { Problem } from './failures';
import { array, type JsonObject, member, object, parseJson, text } from './json';
import { badIgnore, badName } from './names';

/** A file, or with shards a part of one: `PATH:START:END`. */
export interface Resource {
  readonly name: string;
  /** In hex. */
  readonly digest: string;
}

/** How the files were found and hashed. */
export interface Serialization {
  readonly hash: FileHash;
  readonly allowSymlinks: boolean;
  /** Paths that were left out, folders with what is in them. */
  readonly ignore: readonly string[];
  /** Files are hashed in parts of so many bytes. */
  readonly shardSize: number | undefined;
}

/** What a statement says. */
export interface Statement {
  /** The name of the folder or file; nothing depends on it. */
  readonly model: string;
  readonly resources: readonly Resource[];
  readonly serialization: Serialization;
}

/** The one file of a model that is a file, as the reference implementation calls it. */
export const ITSELF = '.';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://model_signing/signature/v1.0';
const PREDICATE_OF_0_2 = 'https://model_signing/Digests/v0.1';

/** The digest of a list: SHA-256 over the raw digests in their order. */
export function rootDigest(resources: readonly Resource[]): string {
  const hash = createHash('sha256');
  for (const { digest } of resources) hash.update(digest, 'hex');
  return hash.digest('hex');
}

function readSerialization(value: unknown): Serialization {
  const known = ['method', 'hash_type', 'shard_size', 'allow_symlinks', 'ignore_paths'];
  const given = object(value, 'serialization', known);
  const method = text(member(given, 'method'), 'method');
  if (method !== 'files' && method !== 'shards')
    throw new Problem('malformed', `there is no method ${method.slice(0, 80)}`);
  const hash = text(member(given, 'hash_type'), 'hash_type');
  if (!isFileHash(hash)) {
    const known = hash === 'blake3' ? 'is not supported' : 'is none of the specification';
    throw new Problem(
      hash === 'blake3' ? 'unsupported' : 'malformed',
      `the files are hashed with ${hash.slice(0, 80)}, which ${known}`,
    );
  }
  const allowSymlinks = member(given, 'allow_symlinks');
  if (typeof allowSymlinks !== 'boolean')
    throw new Problem('malformed', 'allow_symlinks is not true or false');
  const size = member(given, 'shard_size');
  const wanted = method === 'shards';
  if (wanted ? !(Number.isSafeInteger(size) && (size as number) > 0) : size !== undefined)
    throw new Problem('malformed', `shard_size is wrong for the method ${method}`);
  const ignore = array(member(given, 'ignore_paths') ?? [], 'ignore_paths').map((path) => {
    const name = text(path, 'a path in ignore_paths');
    const why = badIgnore(name);
    if (why) throw new Problem('malformed', `a path in ignore_paths ${why}: ${name.slice(0, 200)}`);
    return name;
  });
  return { hash, allowSymlinks, ignore, shardSize: size as number | undefined };
}

/** The parts of the name of a shard. */
export function shardOf(name: string): { path: string; start: number; end: number } | undefined {
  const [, path, from, to] = /^(.*):(0|[1-9]\d{0,15}):([1-9]\d{0,15})$/s.exec(name) ?? [];
  if (path === undefined) return undefined;
  const [start, end] = [Number(from), Number(to)];
  return Number.isSafeInteger(end) && start < end ? { path, start, end } : undefined;
}

function readResource(value: unknown, { hash, shardSize }: Serialization): Resource {
  // Other members are allowed, and mean nothing here.
  const given = object(value, 'a resource');
  const name = text(member(given, 'name'), 'the name of a resource');
  const path = shardSize === undefined ? name : shardOf(name)?.path;
  const why = path === undefined ? 'is not that of a part' : path !== ITSELF && badName(path);
  if (why) throw new Problem('malformed', `the name of a resource ${why}: ${name.slice(0, 200)}`);
  const algorithm = member(given, 'algorithm');
  // The reference implementation writes the size of its shards into the name of the algorithm.
  if (algorithm !== hash && algorithm !== `${hash}-sharded-${shardSize}`)
    throw new Problem('malformed', `${name.slice(0, 200)} has another hash than the others`);
  const digest = text(member(given, 'digest'), 'a digest');
  if (!/^[0-9a-f]+$/.test(digest) || digest.length !== 2 * FILE_HASHES[hash].length)
    throw new Problem('malformed', `the digest of ${name.slice(0, 200)} is not one of ${hash}`);
  return { name, digest };
}

function readSubject(value: unknown): { model: string; root: unknown } {
  const list = array(value, 'subject');
  if (list.length !== 1)
    throw new Problem('malformed', `there are ${list.length} subjects instead of one`);
  const subject = object(list[0], 'the subject');
  const root = member(object(member(subject, 'digest'), 'the digest of the subject'), 'sha256');
  return { model: text(member(subject, 'name'), 'the name of the subject'), root };
}

function statementOf(payload: Uint8Array): JsonObject {
  const members = ['_type', 'subject', 'predicateType', 'predicate'];
  const given = object(parseJson(payload, 'the statement'), 'the statement');
  const type = member(given, 'predicateType');
  if (type === PREDICATE_OF_0_2)
    throw new Problem('unsupported', 'the signature was made by model-signing 0.2; sign again');
  if (type !== PREDICATE_TYPE)
    throw new Problem('malformed', `predicateType is not ${PREDICATE_TYPE}`);
  if (member(given, '_type') !== STATEMENT_TYPE)
    throw new Problem('malformed', `_type is not ${STATEMENT_TYPE}`);
  return object(given, 'the statement', members);
}

/** Whether the payload is of model-signing 0.2, whose signatures are over other bytes. */
export function isOf02(payload: Uint8Array): boolean {
  try {
    statementOf(payload);
    return false;
  } catch (error) {
    return error instanceof Problem && error.kind === 'unsupported';
  }
}

/** Reads a statement. Its content is worth what the signature over it is worth. */
export function parseStatement(payload: Uint8Array): Statement {
  const given = statementOf(payload);
  const { model, root } = readSubject(member(given, 'subject'));
  const members = ['resources', 'serialization'];
  const predicate = object(member(given, 'predicate'), 'predicate', members);
  const serialization = readSerialization(member(predicate, 'serialization'));
  const resources = array(member(predicate, 'resources'), 'resources').map((one) =>
    readResource(one, serialization),
  );
  if (resources.length === 0) throw new Problem('malformed', 'no file is listed');
  const names = new Set<string>();
  for (const { name } of resources) {
    if (names.has(name))
      throw new Problem('malformed', `a file is listed twice: ${name.slice(0, 200)}`);
    names.add(name);
  }
  if (root !== rootDigest(resources))
    throw new Problem('malformed', 'the digest of the subject is not that of the list of files');
  return { model, resources, serialization };
}

/** The payload that says it. Files as a whole only. */
export function printStatement({ model, resources, serialization }: Statement): Buffer {
  const { hash, allowSymlinks, ignore } = serialization;
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: model, digest: { sha256: rootDigest(resources) } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      resources: resources.map(({ name, digest }) => ({ name, digest, algorithm: hash })),
      serialization: {
        method: 'files',
        hash_type: hash,
        allow_symlinks: allowSymlinks,
        ignore_paths: ignore,
      },
    },
  };
  return Buffer.from(JSON.stringify(statement));
}
