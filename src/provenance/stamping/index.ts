/** Stamps in files: written, read, verified, taken out. */
export { type BriefStamp, briefStamp, briefStoredStamp } from './brief';
export {
  type ForeignStamp,
  gitStatusFromLightningCheckpoint,
  readStamp,
  type StampReport,
} from './read';
export { type CallbackMode, type StampOptions, type StampResult, stamp } from './stamp';
export { type UnstampOptions, type UnstampResult, unstamp } from './unstamp';
export {
  MATCH_LEVELS,
  type MatchLevel,
  type VerifyOptions,
  type VerifyReport,
  type VerifyResult,
  verifyStamp,
} from './verify';
