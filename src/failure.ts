/**
 * What people are told about a failure.
 *
 * In: anything thrown. Out: a stable code, a message that names the file, and, where something
 * helps, a hint. Errors of the system are put into words; a full disk and missing permission have
 * the same hint wherever they were met: in the core, in git, or here.
 */
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { isThetaError } from './errors';

/** What is told about a failure. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly path?: string;
  readonly tensor?: string;
}

const SYSTEM: Readonly<Record<string, readonly [code: string, message: string]>> = {
  EACCES: ['ERR_THETA_PERMISSION', 'permission denied'],
  EPERM: ['ERR_THETA_PERMISSION', 'operation not permitted'],
  EROFS: ['ERR_THETA_PERMISSION', 'the file system is read-only'],
  ENOSPC: ['ERR_THETA_DISK_FULL', 'no space left on the disk'],
  EDQUOT: ['ERR_THETA_DISK_FULL', 'the disk quota is used up'],
  ENOENT: ['ERR_THETA_NOT_FOUND', 'no such file or directory'],
};

const HINTS: Readonly<Record<string, string>> = {
  ERR_THETA_DISK_FULL:
    'Free some space and run the command again; `git theta prune` removes objects that are on the remote.',
  ERR_THETA_SOURCE_CHANGED: 'Wait until the program that writes it has finished, then try again.',
  ERR_THETA_PERMISSION:
    'Run the command as the owner, or make the folder writable: `ls -ld` shows who may.',
};

const DEFECT_HINT = `This is a defect in git-theta. Please report it with the output of 'git theta env'
and of the same command run with GIT_THETA_TRACE=1.`;

/** The code, message and hint of whatever was thrown. */
export function describeFailure(error: unknown): Failure {
  const failure = inWords(error);
  const hint = failure.hint ?? HINTS[failure.code];
  return hint ? { ...failure, hint } : failure;
}

function inWords(error: unknown): Failure {
  if (isThetaError(error)) {
    const { code, message, hint, path, tensor } = error;
    return {
      code,
      message,
      ...(hint && { hint }),
      ...(path && { path }),
      ...(tensor && { tensor }),
    };
  }
  const thrown = (error ?? {}) as NodeJS.ErrnoException;
  const system = typeof thrown.code === 'string' ? SYSTEM[thrown.code] : undefined;
  if (system && thrown.syscall) {
    // Of two files it is nearly always the new one that cannot be.
    const { dest } = thrown as { dest?: string };
    const path = (thrown.code === 'ENOENT' ? null : dest) ?? thrown.path;
    return {
      code: system[0],
      message: path ? `${path}: ${system[1]}` : `${thrown.syscall}: ${system[1]}`,
      ...(path && { path }),
    };
  }
  const message = error instanceof Error || thrown.message ? thrown.message : String(error);
  return { code: 'ERR_THETA_INTERNAL', message, hint: DEFECT_HINT };
}

/** Calls `body`; what it throws names the file, which Node leaves out where it has a descriptor. */
export function naming<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const thrown = error as NodeJS.ErrnoException;
    if (thrown.syscall && !thrown.path) thrown.path = path;
    throw error;
  }
}

/** The first bytes of a file, at most `most`; an error names it. */
export function readHead(path: string, most: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(most);
    return head.subarray(
      0,
      naming(path, () => readSync(fd, head)),
    );
  } finally {
    closeSync(fd);
  }
}

/** Writes a file; an error names it. */
export function writeFile(
  path: string,
  content: string | Uint8Array,
  options?: Parameters<typeof writeFileSync>[2],
): void {
  naming(path, () => writeFileSync(path, content, options));
}

/** Writes all bytes to an open file; an error names it. */
export function writeAll(path: string, fd: number, bytes: Uint8Array): void {
  naming(path, () => {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  });
}
