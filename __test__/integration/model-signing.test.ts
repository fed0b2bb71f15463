// The reference implementation of OpenSSF Model Signing verifies what we sign, and we what it signs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keygen, sign, verifySignature } from '../../src/provenance/signing';
import { CHECKOUT, modelSigningPython } from '../support/env';
import { type Result, Scratch } from '../support/scratch';

const python = modelSigningPython();
const CERTIFICATES = join(CHECKOUT, '__test__/golden/model-signing/certificates/certificates.json');
const CURVES = ['P-256', 'P-384', 'P-521'] as const;

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
  mkdirSync(scratch.path('model', 'sub'), { recursive: true });
  write('model/weights.bin', Buffer.alloc((2 << 20) + 5, 7));
  write('model/empty.bin', '');
  write('model/sub-a.bin', 'by code points before the next');
  write('model/sub/a.bin', 'in a folder');
  write('model/.gitattributes', '* text');
  write('model/notes.txt', 'not signed');
  const data = JSON.parse(readFileSync(CERTIFICATES, 'utf8'));
  for (const [name, pem] of Object.entries({ ...data.certificates, ...data.keys }))
    write(`${name}.pem`, pem as string);
});
afterEach(() => scratch.cleanup());

const write = (name: string, content: string | Uint8Array) =>
  writeFileSync(scratch.path(name), content);
const model = () => scratch.path('model');
const signature = () => scratch.path('model', 'model.sig');

/** Runs the reference implementation; its exit code is not 0 when it refuses. */
function reference(...args: string[]): Promise<Result> {
  const env = { PYTHONDONTWRITEBYTECODE: '1' };
  return scratch.run(python as string, ['-m', 'model_signing', ...args], { check: false, env });
}

async function accepts(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await reference(...args);
  expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' });
}

(python ? describe : describe.skip)('the reference implementation', () => {
  describe.each(CURVES)('%s, with a key', (curve) => {
    const keys = () => keygen({ out: scratch.path('key'), curve });
    const verifying = () => ['verify', 'key', '--public_key', scratch.path('key.pub')];

    test('verifies ours', async () => {
      const { privateKey } = await keys();
      await sign(model(), { privateKey, ignore: ['notes.txt'] });
      const args = [...verifying(), '--signature', signature(), model()];
      await accepts(...args);
      write('model/sub/a.bin', 'in another folder');
      expect((await reference(...args)).code).not.toBe(0);
    });

    test('is verified by us', async () => {
      const { privateKey, publicKey } = await keys();
      const ignore = ['--ignore-paths', scratch.path('model', 'notes.txt')];
      const files = ['--private_key', privateKey, '--signature', signature()];
      await accepts('sign', 'key', ...files, ...ignore, model());
      expect(await verifySignature(model(), { publicKey })).toMatchObject({
        ok: true,
        kind: 'key',
        files: 4,
        problems: [],
      });
      write('model/sub/a.bin', 'in another folder');
      expect((await verifySignature(model(), { publicKey })).problems).toMatchObject([
        { kind: 'changed', path: 'sub/a.bin' },
      ]);
    });
  });

  describe.each(CURVES)('%s, with a certificate', (curve) => {
    const name = curve === 'P-256' ? 'leaf' : `leaf ${curve}`;
    const pem = (file: string) => scratch.path(`${file}.pem`);

    test('verifies ours', async () => {
      const certificate = pem(name);
      await sign(model(), { privateKey: pem(curve), certificate, chain: [pem('ca')] });
      const verifying = (root: string) =>
        ['verify', 'certificate', '--certificate_chain', pem(root)].concat(
          ['--signature', signature()],
          model(),
        );
      await accepts(...verifying('root'));
      expect((await reference(...verifying('other root'))).code).not.toBe(0);
    });

    test('is verified by us', async () => {
      await accepts(
        ...['sign', 'certificate', '--private_key', pem(curve)],
        ...['--signing_certificate', pem(name), '--certificate_chain', pem('ca')],
        ...['--signature', signature(), model()],
      );
      const options = { at: new Date('2027-01-01T00:00:00Z') };
      const good = await verifySignature(model(), { ...options, roots: [pem('root')] });
      expect(good).toMatchObject({ ok: true, kind: 'certificate', files: 5, problems: [] });
      const bad = await verifySignature(model(), { ...options, roots: [pem('other root')] });
      expect(bad.problems).toMatchObject([{ kind: 'untrusted-chain' }]);
    });
  });

  test('a file: ours as part of its folder, theirs as it is', async () => {
    const { privateKey, publicKey } = await keygen({ out: scratch.path('key') });
    const file = scratch.path('model', 'weights.bin');
    await sign(file, { privateKey });
    const trust = ['--public_key', publicKey, '--signature', `${file}.sig`];
    await accepts('verify', 'key', ...trust, '--ignore_unsigned_files', model());

    const theirs = scratch.path('theirs.sig');
    await accepts('sign', 'key', '--private_key', privateKey, '--signature', theirs, file);
    expect(await verifySignature(file, { publicKey, signature: theirs })).toMatchObject({
      ok: true,
      files: 1,
    });
  });

  test('files in parts', async () => {
    const { privateKey, publicKey } = await keygen({ out: scratch.path('key') });
    const script = `
import sys, model_signing
hashing = model_signing.hashing.Config().use_shard_serialization(shard_size=1000000)
hashing.set_ignored_paths(paths=["empty.bin", "model.sig"])
config = model_signing.signing.Config().use_elliptic_key_signer(private_key=sys.argv[1])
config.set_hashing_config(hashing).sign(sys.argv[2], sys.argv[3])
`;
    await scratch.run(python as string, ['-c', script, privateKey, model(), signature()]);
    const text = readFileSync(signature(), 'utf8');
    const { payload } = JSON.parse(text).dsseEnvelope;
    const said = Buffer.from(payload, 'base64').toString();
    expect(said).toContain('weights.bin:2000000:2097157');
    expect(await verifySignature(model(), { publicKey })).toMatchObject({
      ok: true,
      files: 4,
      problems: [],
    });
    write('model/weights.bin', Buffer.alloc((2 << 20) + 5, 8));
    expect((await verifySignature(model(), { publicKey })).problems).toMatchObject([
      { kind: 'changed', path: 'weights.bin' },
    ]);
  });

  test('blake2b', async () => {
    const { privateKey, publicKey } = await keygen({ out: scratch.path('key') });
    const script = `
import sys, model_signing
hashing = model_signing.hashing.Config().use_file_serialization(hashing_algorithm="blake2")
hashing.set_ignored_paths(paths=["model.sig"])
config = model_signing.signing.Config().use_elliptic_key_signer(private_key=sys.argv[1])
config.set_hashing_config(hashing).sign(sys.argv[2], sys.argv[3])
`;
    await scratch.run(python as string, ['-c', script, privateKey, model(), signature()]);
    expect(await verifySignature(model(), { publicKey })).toMatchObject({ ok: true, files: 5 });
  });
});
