/**
 * The names of files in a signature: POSIX paths relative to the signed folder.
 *
 * In: a name. Out: undefined, or why it is not one. Refused: absolute paths, `.` and `..` and empty
 * parts, backslashes and drive letters (another path on Windows), NUL, what UTF-8 cannot hold.
 */

/** Why `name` cannot be the name of a signed file. */
export function badName(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > 32_768) return 'is too long';
  if (name.startsWith('/')) return 'is an absolute path';
  if (name.includes('\\')) return 'has a backslash';
  if (/^[A-Za-z]:/.test(name)) return 'begins like a drive of Windows';
  if (name.includes('\0')) return 'has a NUL';
  // The replacement character is what is left of bytes that are not UTF-8.
  if (/[\ufffd\p{Surrogate}]/u.test(name)) return 'is not valid UTF-8';
  const parts = name.split('/');
  if (parts.includes('..')) return 'leads out of the folder';
  if (parts.includes('.') || parts.includes('')) return 'is not in its shortest form';
  return undefined;
}

/** Why `path` cannot be a path that is left out: as a name, and no pattern. */
export function badIgnore(path: string): string | undefined {
  if (/[*?[]/.test(path)) return 'is a pattern; give paths one by one';
  return badName(path);
}

/** The order of names in a signature: by Unicode code points, which is that of their UTF-8. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}
