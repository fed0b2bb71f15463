/** Errors of this folder, with the codes that decide the exit code. */
import { isThetaError, ThetaError } from '../../errors';

/** A file that is no checkpoint, or whose stamp contradicts itself. */
export function unsupported(path: string, message: string, hint?: string): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_UNSUPPORTED', `${path}: ${message}`, { path, hint });
}

/** A file that is not written to, although it could be. */
export function refused(path: string, message: string, hint: string): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_REFUSED', `${path}: ${message}`, { path, hint });
}

/** A file without a stamp. */
export function noStamp(path: string, hint?: string): ThetaError {
  const message = `${path}: there is no stamp`;
  return new ThetaError('ERR_THETA_PROVENANCE_NO_STAMP', message, { path, hint });
}

/** A file whose content is not what its stamp says. */
export function changed(path: string, message: string): ThetaError {
  return new ThetaError('ERR_THETA_PROVENANCE_CONTENT', `${path}: ${message}`, {
    path,
    hint: 'The file was changed after it was stamped, or the stamp is that of another file.',
  });
}

/** A file that changed while it was worked on. */
export function moved(path: string): ThetaError {
  return refused(path, 'changed meanwhile', 'Try again when nothing writes to it any more.');
}

/** A file that could be written neither as it should be nor as it was. */
export function halfWritten(path: string, length: number, cause: unknown): ThetaError {
  const message = `${path}: could not be written, nor what was there put back`;
  return new ThetaError('ERR_THETA_PROVENANCE_IO', message, {
    path,
    hint: `Its first ${length} bytes are the file without a stamp.`,
    cause,
  });
}

const NATIVE = new Map([
  ['ERR_THETA_INVALID', 'ERR_THETA_PROVENANCE_UNSUPPORTED'],
  ['ERR_THETA_SOURCE_CHANGED', 'ERR_THETA_PROVENANCE_REFUSED'],
  ['ERR_THETA_NOT_FOUND', 'ERR_THETA_PROVENANCE_IO'],
  ['ERR_THETA_PERMISSION', 'ERR_THETA_PROVENANCE_IO'],
  ['ERR_THETA_DISK_FULL', 'ERR_THETA_PROVENANCE_IO'],
  ['ERR_THETA_IO', 'ERR_THETA_PROVENANCE_IO'],
]);

/** Runs work on a file; what the core or the system says about it gets the codes of this folder. */
export async function working<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isThetaError(error)) {
      const code = NATIVE.get(error.code);
      if (code === undefined) throw error;
      const message = error.message.includes(path) ? error.message : `${path}: ${error.message}`;
      throw new ThetaError(code, message, { path, hint: error.hint, cause: error });
    }
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (typeof syscall !== 'string') throw error;
    throw new ThetaError('ERR_THETA_PROVENANCE_IO', `${path}: ${message}`, { path, cause: error });
  }
}
