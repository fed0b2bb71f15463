/**
 * What a file says about the code that made it.
 *
 * In: a checkpoint, or a JSON file that stands beside checkpoints. Out: our stamp, in the file or beside it; the six
 * fields of pl-git-callback; what other programs left. Nothing is executed. Refused: what cannot be read, and a stamp
 * of a schema that is not known here.
 */
import { lstat, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isThetaError } from '../../errors';
import * as native from '../../native';
import { gitStatusFromJson, sixFieldsIn } from '../git';
import { readSmall } from '../signing/files';
import { type SixFields, STAMP_SCHEMA, type Stamp } from '../stamp';
import { unsupported, working } from './failures';

/** What another program left in a file. */
export interface ForeignStamp {
  /** The program: `pl-git-callback`, `ultralytics`, `mmengine`, `sd-scripts`, … */
  readonly source: string;
  /** Where in the file it stands. */
  readonly at: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What {@link readStamp} finds. */
export interface StampReport {
  readonly path: string;
  /** Format of the file; `json` for one that stands beside checkpoints; empty when it is not known. */
  readonly format: string;
  readonly stamp: Stamp | null;
  /** Where the stamp is: in the file, or the path of the file beside it. */
  readonly where: 'file' | 'sidecar' | null;
  /** The six fields: of pl-git-callback where it left them, else of the stamp. */
  readonly six: SixFields | null;
  readonly foreign: readonly ForeignStamp[];
  /** What is wrong with a stamp that is there. */
  readonly problems: readonly string[];
  /** A log file of pl-git-callback in the folder or up to two above it. It may be of another checkpoint. */
  readonly nearby: { readonly path: string; readonly six: SixFields } | null;
}

/** Where the stamp of a file that carries none is. */
export function sidecarOf(path: string): string {
  return `${path}.provenance.json`;
}

/** Bytes of a stamp, at most. */
export const MAX_STAMP = 1 << 20;
/** Levels of a stamp, at most. */
const MAX_DEPTH = 100;
const LOG_FILES = ['git_info.json', 'git-status.json'];
const LEVELS = 2;

/**
 * Reads what a file says about the code that made it.
 *
 * @param path - a checkpoint; or a stamp in a file of its own, `git_info.json`, `git-status.json`.
 * @throws ThetaError `ERR_THETA_PROVENANCE_IO` when it cannot be read, `ERR_THETA_PROVENANCE_UNSUPPORTED` for what is
 *   no file, and for stamps of a schema that is not known.
 */
export function readStamp(path: string): Promise<StampReport> {
  return working(path, async () => (await read(path)).report);
}

/** As {@link readStamp}, with what the core tells of the file; nothing of a JSON file. */
export async function read(
  path: string,
): Promise<{ readonly report: StampReport; readonly file: native.StampReport | null }> {
  if (await isJson(path)) return { report: await readJson(path), file: null };
  const file = await native.stampRead(path);
  const problems = [...file.problems];
  let where: StampReport['where'] = null;
  let stamp: Stamp | null = null;
  if (file.stamp !== null) {
    stamp = parseStamp(path, file.stamp, problems);
    where = stamp && 'file';
  }
  if (!stamp) {
    const beside = await readBeside(sidecarOf(path), problems);
    if (beside) [stamp, where] = [beside, 'sidecar'];
  }
  const six = sixFieldsOf(file, stamp);
  const { format, foreign } = file;
  const nearby = six ? null : await findLog(path);
  return { report: { path, format, stamp, where, six, foreign, problems, nearby }, file };
}

/**
 * Reads the stamps in the file of a manifest, from its records and the objects of its skeleton.
 *
 * @throws ThetaError `ERR_THETA_MISSING_OBJECT`, `ERR_THETA_CORRUPT_OBJECT`, `ERR_THETA_PROVENANCE_UNSUPPORTED`
 */
export async function readStoredStamp(
  records: string,
  stores: string[],
): Promise<Pick<StampReport, 'stamp' | 'six' | 'problems'>> {
  const file = await native.stampReadStored(records, stores);
  const problems = [...file.problems];
  const stamp = file.stamp === null ? null : parseStamp('the stored file', file.stamp, problems);
  return { stamp, six: sixFieldsOf(file, stamp), problems };
}

function sixFieldsOf(file: native.StampReport, stamp: Stamp | null): SixFields | null {
  const callback = file.foreign.find(({ source }) => source === 'pl-git-callback');
  return sixFieldsIn(callback?.fields) ?? sixFieldsIn(stamp?.compat?.git_status);
}

/** Whether a file is a JSON document: these are small and begin with a brace. */
async function isJson(path: string): Promise<boolean> {
  if (!path.toLowerCase().endsWith('.json')) return false;
  const handle = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    return /^\ufeff?\s*\{/.test(buffer.subarray(0, bytesRead).toString());
  } finally {
    await handle.close();
  }
}

async function readJson(path: string): Promise<StampReport> {
  const text = (await readSmall(path, MAX_STAMP)).toString();
  const problems: string[] = [];
  const own = isOwn(text);
  const stamp = own ? parseStamp(path, text, problems) : null;
  const six = own ? sixFieldsIn(stamp?.compat?.git_status) : await gitStatusFromJson(text);
  if (!own && !six) throw unsupported(path, 'is neither a stamp nor a log file of pl-git-callback');
  const foreign =
    own || !six ? [] : [{ source: 'pl-git-callback', at: 'file', fields: { ...six } }];
  const where = stamp && 'file';
  return { path, format: 'json', stamp, where, six, foreign, problems, nearby: null };
}

function isOwn(text: string): boolean {
  try {
    const value = JSON.parse(text.replace(/^\ufeff/, '')) as { schema?: unknown };
    return typeof value.schema === 'string' && value.schema.startsWith('git-theta/provenance/');
  } catch {
    return false;
  }
}

/** A text as a stamp; a problem when it is none. */
function parseStamp(path: string, text: string, problems: string[]): Stamp | null {
  let value: Partial<Stamp> | null;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, '')) as Partial<Stamp> | null;
  } catch {
    problems.push('the stamp is no JSON');
    return null;
  }
  if (isDeep(value, MAX_DEPTH)) {
    problems.push('the stamp is nested too deep');
    return null;
  }
  const { schema, git } = value ?? {};
  const number = typeof schema === 'string' && /^git-theta\/provenance\/(\d+)$/.exec(schema)?.[1];
  if (!number || typeof git !== 'object' || git === null) {
    problems.push('the stamp has no schema that is known here, or no state of git');
    return null;
  }
  if (schema !== STAMP_SCHEMA) {
    throw unsupported(
      path,
      `the stamp has the schema ${schema}, which is newer than this program`,
      'Update git-theta.',
    );
  }
  return value as Stamp;
}

/** A text as a stamp; nothing when it is none, or of a schema that is not known. */
export function stampIn(text: string): Stamp | null {
  try {
    return parseStamp('the text', text, []);
  } catch (error) {
    if (isThetaError(error)) return null;
    throw error;
  }
}

/** Whether a value is nested deeper than this: most of what walks through it would need as deep a stack. */
function isDeep(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeep(inner, depth - 1));
}

/** The stamp in a file beside a checkpoint; nothing when there is none. */
async function readBeside(path: string, problems: string[]): Promise<Stamp | null> {
  if (!(await isFile(path))) return null;
  return parseStamp(path, (await readSmall(path, MAX_STAMP)).toString(), problems);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch {
    return false;
  }
}

/** Lightning keeps checkpoints one folder below the logs. */
async function findLog(path: string): Promise<StampReport['nearby']> {
  let folder = dirname(path);
  for (let level = 0; level <= LEVELS; level++) {
    for (const name of LOG_FILES) {
      const log = join(folder, name);
      if (basename(path) === name || !(await isFile(log))) continue;
      const six = await gitStatusFromJson({ path: log }).catch(() => null);
      if (six) return { path: log, six };
    }
    folder = join(folder, '..');
  }
  return null;
}

/**
 * The six fields that pl-git-callback, or ours, left in a checkpoint of Lightning, under whichever key; `null` when
 * there are none.
 *
 * @throws ThetaError as {@link readStamp}
 */
export async function gitStatusFromLightningCheckpoint(path: string): Promise<SixFields | null> {
  return working(path, async () => {
    const { foreign } = await native.stampRead(path);
    return sixFieldsIn(foreign.find(({ source }) => source === 'pl-git-callback')?.fields);
  });
}
