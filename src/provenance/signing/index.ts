/** Signing models and verifying their signatures: OpenSSF Model Signing 1.0, without a network. */
export type { FileHash } from './algorithms';
export type { Signer } from './certificates';
export type { SigningProgress } from './digests';
export type { ProblemKind, SignatureProblem } from './failures';
export type { Curve } from './key';
export { type KeygenOptions, type KeyPairFiles, keygen } from './keygen';
export { type SignOptions, type SignResult, sign } from './sign';
export { isSigned } from './signed';
export { type SignatureReport, type VerifySignatureOptions, verifySignature } from './verify';
