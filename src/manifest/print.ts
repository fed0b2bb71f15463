/**
 * Writes manifests: as the text that git stores, and as the records that the native core works on.
 *
 * In: a manifest. Out: canonical text, one encoding per value. A manifest that breaks a rule is refused, so nothing is
 * written that could not be read again.
 */

import { ThetaError } from '../errors';
import { ManifestReader, VERSION } from './reader';
import type { Manifest } from './types';

/** The records in canonical order; their keys are in whatever order the caller's objects have. */
function* records(manifest: Manifest): Generator<object, void> {
  const { format, reason, pieces, skeleton, stamped } = manifest;
  yield { 'git-theta': VERSION, format, ...(reason === undefined ? {} : { reason }) };
  if (pieces) yield { pieces };
  if (skeleton) yield { skeleton };
  if (stamped) yield { stamped };
  yield* manifest.groups;
  yield* manifest.storages;
  yield* manifest.tensors;
}

function lines(manifest: Manifest): string[] {
  const reader = new ManifestReader();
  const result = Array.from(records(manifest), (record) => reader.add(record));
  reader.finish();
  return result;
}

/**
 * The text of a manifest.
 *
 * @throws ThetaError `ERR_THETA_BAD_MANIFEST` when the manifest breaks a rule of the format.
 */
export function printManifest(manifest: Manifest): string {
  return `${lines(manifest).join('\n\n')}\n`;
}

/** The manifest's records in canonical order as one JSON array, as the native core takes them. */
export function toRecords(manifest: Manifest): string {
  return `[${lines(manifest).join(',')}]`;
}

/**
 * The manifest of records that the native core made.
 *
 * @throws ThetaError `ERR_THETA_BAD_MANIFEST` when they break a rule of the format; that is a defect of the core.
 */
export function fromRecords(json: string): Manifest {
  const values: unknown = JSON.parse(json);
  if (!Array.isArray(values)) {
    throw new ThetaError('ERR_THETA_BAD_MANIFEST', 'the records are not a list');
  }
  const reader = new ManifestReader();
  for (const value of values) reader.add(value);
  return reader.finish();
}
