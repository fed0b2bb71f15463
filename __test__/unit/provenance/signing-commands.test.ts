// The three commands: what they print, and their exit codes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandDefinition } from '../../../src/cli/command';
import { command as keygen } from '../../../src/cli/commands/provenance/keygen';
import { command as sign } from '../../../src/cli/commands/provenance/sign';
import { command as verify } from '../../../src/cli/commands/provenance/verify-signature';

let dir: string;
const path = (name: string) => join(dir, name);

async function run(
  command: CommandDefinition,
  name: string,
  options: Record<string, unknown> = {},
): Promise<{ code: number | undefined; out: string }> {
  let out = '';
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text.toString();
    return true;
  });
  try {
    const { signal } = new AbortController();
    const code = await command.run({ args: [path(name)], options, signal });
    return { code, out };
  } finally {
    spy.mockRestore();
  }
}

const key = () => ({ key: path('key') });
const trust = () => ({ publicKey: path('key.pub') });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'git-theta-signing-'));
  writeFileSync(path('model.pt'), 'weights');
  writeFileSync(path('pass'), 'open sesame\nmore');
});
afterEach(() => rmSync(dir, { recursive: true }));

test('from a key to a verified model', async () => {
  const made = await run(keygen, 'key', { curve: 'P-384' });
  expect(made.out).toMatch(/fingerprint {2}[0-9a-f]{64}\n/);
  const signed = await run(sign, 'model.pt', key());
  expect(signed).toEqual({ code: 0, out: `signed 1 file, 7 bytes: ${path('model.pt.sig')}\n` });
  const verified = await run(verify, 'model.pt', trust());
  expect(verified.code).toBe(0);
  expect(verified.out).toMatch(/: 1 file as signed by the key [0-9a-f]{64}\n$/);
});

test('a passphrase from a file', async () => {
  const passphraseFile = path('pass');
  await run(keygen, 'key', { passphraseFile });
  expect(readFileSync(path('key'), 'utf8')).toMatch(/ENCRYPTED/);
  await expect(run(sign, 'model.pt', key())).rejects.toMatchObject({
    code: 'ERR_THETA_PROVENANCE_SIGNATURE',
  });
  expect((await run(sign, 'model.pt', { ...key(), passphraseFile })).code).toBe(0);
  writeFileSync(path('pass'), '\n');
  await expect(run(keygen, 'new', { passphraseFile })).rejects.toMatchObject({
    code: 'ERR_THETA_USAGE',
  });
});

test('exit codes of verification', async () => {
  await run(keygen, 'key');
  await run(keygen, 'other');
  await run(sign, 'model.pt', key());
  const other = await run(verify, 'model.pt', { publicKey: path('other.pub') });
  expect(other.code).toBe(5);
  expect(other.out).toMatch(/^bad-signature: .*\n.*NOT verified\n$/);
  writeFileSync(path('model.pt'), 'Weights');
  const changed = await run(verify, 'model.pt', { ...trust(), json: true });
  expect(changed.code).toBe(4);
  expect(JSON.parse(changed.out)).toMatchObject({
    schema: 1,
    ok: false,
    kind: 'key',
    problems: [{ kind: 'changed', path: 'model.pt' }],
  });
  writeFileSync(path('model.pt.sig'), 'rubbish');
  expect((await run(verify, 'model.pt', { ...trust(), quiet: true })).code).toBe(6);
});

test('wrong usage', async () => {
  const code = 'ERR_THETA_USAGE';
  await expect(run(sign, 'model.pt')).rejects.toMatchObject({ code });
  await expect(run(verify, 'model.pt')).rejects.toMatchObject({ code });
  const parse = verify.options?.find(({ flags }) => flags.startsWith('--at'))?.parse;
  expect(parse?.('2026-05-31')).toEqual(new Date('2026-05-31T00:00:00Z'));
  for (const bad of ['tomorrow', '2026-13-01', '05/31/2026'])
    expect(() => parse?.(bad)).toThrow(expect.objectContaining({ code }));
});
