/**
 * The manifest: the text that git stores in place of a checkpoint. Knows nothing about git.
 */

export { type Change, type Comparison, compareManifests } from './compare';
export { manifestObjects, parseObject, printObject } from './objects';
export { isManifest, looksLikeManifest, parseManifest } from './parse';
export { fromRecords, printManifest, toRecords } from './print';
export * from './types';
