/** What git's effective configuration says about our filters and merge drivers. */
import { git } from '../git/run';
import { type ConfigValue, thetaValues } from './values';

/** A value in effect and the file it comes from, such as `file:.git/config`. */
export interface EffectiveValue extends ConfigValue {
  readonly scope: string;
  readonly origin: string;
}

/** The last value of every key that matches a regular expression. */
export async function effectiveValues(
  pattern: string,
  cwd?: string,
): Promise<Map<string, EffectiveValue>> {
  const { code, stdout } = await git(
    ['config', '--null', '--show-origin', '--show-scope', '--get-regexp', pattern],
    { check: false, ...(cwd !== undefined && { cwd }) },
  );
  const values = new Map<string, EffectiveValue>();
  if (code !== 0) return values;
  const words = stdout.split('\0');
  for (let i = 0; i + 2 < words.length; i += 3) {
    const [scope = '', origin = '', entry = ''] = words.slice(i, i + 3);
    const end = entry.indexOf('\n');
    const key = end < 0 ? entry : entry.slice(0, end);
    // A key without "= value" is true.
    const value = end < 0 ? 'true' : entry.slice(end + 1);
    values.set(key, { key, value, scope, origin });
  }
  return values;
}

/** The keys of the filter that are not set; none when git-theta is installed. */
export async function missingFilterValues(cwd?: string): Promise<string[]> {
  const values = await effectiveValues('^(filter|merge)\\.theta', cwd);
  return thetaValues()
    .map(({ key }) => key)
    .filter((key) => !key.endsWith('.name') && !values.has(key));
}
