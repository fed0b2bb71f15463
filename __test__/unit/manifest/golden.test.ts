import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isThetaError } from '../../../src/errors';
import {
  fromRecords,
  isManifest,
  parseManifest,
  printManifest,
  toRecords,
} from '../../../src/manifest';

const folder = join(__dirname, '../../golden/manifest');
const valid = readdirSync(folder).filter((name) => name.endsWith('.theta'));
const invalid: { what: string; text: string; line: number; rule: string }[] = JSON.parse(
  readFileSync(join(folder, 'invalid.json'), 'utf8'),
);

test('there are vectors', () => {
  expect(valid.length).toBeGreaterThan(8);
  expect(invalid.length).toBeGreaterThan(80);
});

test.each(valid)('%s comes back as it was', (name) => {
  const bytes = readFileSync(join(folder, name));
  const manifest = parseManifest(bytes);
  expect(printManifest(manifest)).toBe(bytes.toString());
  expect(parseManifest(bytes.toString())).toEqual(manifest);
  expect(fromRecords(toRecords(manifest))).toEqual(manifest);
  expect(isManifest(bytes)).toBe(true);
});

test.each(invalid)('refused: $what', ({ text, line, rule }) => {
  let caught: unknown;
  try {
    parseManifest(text);
  } catch (error) {
    caught = error;
  }
  if (!isThetaError(caught, 'ERR_THETA_BAD_MANIFEST')) throw caught ?? new Error('accepted');
  expect({ line: caught.line, rule: caught.rule }).toEqual({ line, rule });
  expect(caught.message).toContain(`manifest line ${line}: `);
  expect(isManifest(Buffer.from(text))).toBe(false);
  if (rule === 'conflict') expect(caught.hint).toMatch(/merge conflicts/);
});
