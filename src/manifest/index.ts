/**
 * The manifest: the text that git stores in place of a checkpoint.
 *
 * In: text, or records from the native core. Out: a {@link Manifest}, its text, its objects, its differences from
 * another. Knows nothing about git. Specification: docs/format/manifest.md.
 */
export { type Aspect, type Change, type Comparison, compareManifests } from './compare';
export { manifestObjects, parseObject, printObject } from './objects';
export { compareNames } from './order';
export { isManifest, looksLikeManifest, MAX_MANIFEST, parseManifest } from './parse';
export { fromRecords, printManifest, toRecords } from './print';
export * from './types';
