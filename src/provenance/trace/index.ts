/** From stamps back to code, as the rest of the project sees it. */
export type { CodeChanges, CommitFacts, Distance } from './commits';
export { type DiffOptions, type DiffSide, diffStamps, type StampDiff } from './diff';
export type { Likeness } from './rewritten';
export { type Trace, type TraceOptions, trace } from './trace';
