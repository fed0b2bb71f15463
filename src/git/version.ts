/**
 * Versions of programs: parsed, and compared with what is needed.
 */

/** A version of git or git-lfs. */
export interface Version {
  /** As the program prints it. */
  text: string;
  major: number;
  minor: number;
  patch: number;
}

/** The first `1.2.3` or `1.2` in a text; null when there is none. */
export function parseVersion(text: string): Version | null {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?[^\s)]*/.exec(text);
  if (!found) return null;
  const [whole, major, minor, patch] = found;
  return { text: whole, major: Number(major), minor: Number(minor), patch: Number(patch ?? 0) };
}

/** Whether a version is at least `major.minor`. */
export function isAtLeast(version: Version, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
