/** The version, read from the package so that it stands in one place. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The package's folder: this file is in `src` or `dist`. */
export const PACKAGE_ROOT = join(__dirname, '..');

/** The package's version, such as `0.1.0`. */
export function version(): string {
  const text = readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
