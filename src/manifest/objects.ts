/**
 * The objects that a manifest names.
 *
 * In: a manifest, or one `<oid>:<bytes>`. Out: references, each object once. A text of another form is refused.
 */
import { ThetaError } from '../errors';
import type { Manifest, ObjectRef, ObjectText } from './types';

const OBJECT = /^[0-9a-f]{64}:[1-9][0-9]{0,15}$/;

/** Whether a value is a well-formed object. */
export function isObject(value: unknown): value is ObjectText {
  return (
    typeof value === 'string' && OBJECT.test(value) && Number.isSafeInteger(Number(value.slice(65)))
  );
}

/** Takes `<oid>:<bytes>` apart. */
export function parseObject(text: ObjectText): ObjectRef {
  if (!isObject(text)) throw new ThetaError('ERR_THETA_BAD_MANIFEST', `bad object '${text}'`);
  return { oid: text.slice(0, 64), size: Number(text.slice(65)) };
}

/** Puts `<oid>:<bytes>` together. */
export function printObject(ref: ObjectRef): ObjectText {
  return `${ref.oid}:${ref.size}`;
}

/** Every object that the checkpoint or its store needs, once each, in order of first mention. */
export function manifestObjects(manifest: Manifest): ObjectRef[] {
  const texts = new Set<ObjectText>();
  const take = (record: { chunks?: ObjectText[]; meta?: ObjectText }): void => {
    for (const chunk of record.chunks ?? []) texts.add(chunk);
    if (record.meta !== undefined) texts.add(record.meta);
  };
  for (const piece of manifest.pieces ?? []) texts.add(piece);
  if (manifest.skeleton) take(manifest.skeleton);
  if (manifest.stamped) take(manifest.stamped);
  manifest.groups.forEach(take);
  manifest.storages.forEach(take);
  manifest.tensors.forEach(take);
  return Array.from(texts, parseObject);
}
