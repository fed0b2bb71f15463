/** Uncommitted code kept as commits, as the rest of the project sees it. */
export {
  findSnapshot,
  type ListedSnapshot,
  listSnapshots,
  NAMESPACE,
  type Snapshot,
  snapshotsOf,
} from './find';
export type { LeftOut, LeftOutKind } from './left-out';
export { type RestoredSnapshot, type RestoreOptions, restore } from './restore';
export { type SnapshotOptions, type SnapshotResult, snapshot, snapshotFor } from './snapshot';
