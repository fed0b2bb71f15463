/**
 * The ways in which signing and verifying fail.
 *
 * Verification reports what it finds as problems, so that a caller can tell them apart; everything
 * else is an error with one of four codes.
 */
import { ThetaError } from '../../errors';

/** What is wrong with a signature, or with what it covers. */
export type ProblemKind =
  /** The bundle or the statement in it is not what the specification says. */
  | 'malformed'
  /** The bundle is of a kind that is not verified here. */
  | 'unsupported'
  /** Neither a key nor a root was given that this bundle could be checked with. */
  | 'no-trust'
  /** The signature does not belong to the key and the statement. */
  | 'bad-signature'
  /** No chain leads from the signer's certificate to a root that was given. */
  | 'untrusted-chain'
  | 'expired'
  | 'not-yet-valid'
  /** A certificate may not be used for what it is used for. */
  | 'wrong-usage'
  /** A certificate that issued another has no CA flag. */
  | 'not-a-ca'
  | 'path-length'
  /** A file's content is not the signed one. */
  | 'changed'
  /** A signed file is not there. */
  | 'missing'
  /** A file is there that the signature does not list. */
  | 'unlisted'
  /** Something that is neither a file nor a folder, or a symbolic link where none may be. */
  | 'not-a-file';

/** One finding of a verification. */
export interface SignatureProblem {
  readonly kind: ProblemKind;
  readonly message: string;
  /** The file concerned, relative to the target. */
  readonly path?: string;
}

/** A problem on its way to the report. */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    message: string,
  ) {
    super(message);
    this.name = 'Problem';
  }
}

type Details = ConstructorParameters<typeof ThetaError>[2];

/** A key or certificate that cannot be used. */
export function signatureError(message: string, details?: Details): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_SIGNATURE', message, details);
}

/** Something this implementation does not do. */
export function unsupported(message: string, details?: Details): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_UNSUPPORTED', message, details);
}

/** Something that is not done unless asked for. */
export function refused(message: string, details?: Details): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_REFUSED', message, details);
}

/** Throws when the work was cancelled. */
export function stopIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ThetaError('ERR_THETA_CANCELLED', 'cancelled');
}

/** Runs `body`; an error of the system becomes one that names the file. */
export async function reading<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const thrown = error as NodeJS.ErrnoException;
    if (typeof thrown.syscall !== 'string') throw error;
    const reason = WORDS[thrown.code ?? ''] ?? thrown.code ?? 'failed';
    throw new ThetaError('ERR_THETA_PROVENANCE_IO', `${path}: ${reason}`, { path, cause: error });
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EISDIR: 'is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ELOOP: 'too many symbolic links, or one where none may be',
};
