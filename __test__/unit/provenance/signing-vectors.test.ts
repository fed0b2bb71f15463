// The published test vectors of the specification, and what releases of the reference implementation
// signed: __test__/golden/model-signing/README.md.
import { join } from 'node:path';
import {
  type ProblemKind,
  type SignatureReport,
  type VerifySignatureOptions,
  verifySignature,
} from '../../../src/provenance/signing';
import { CHECKOUT } from '../../support/env';

const DATA = join(CHECKOUT, '__test__/golden/model-signing');
const KEY: VerifySignatureOptions = { publicKey: join(DATA, 'signing-key-pub.pem') };
// The certificates are valid from 2025-05-02 to 2035-04-30.
const CERTIFICATE: VerifySignatureOptions = {
  roots: [join(DATA, 'ca-cert.pem')],
  at: new Date('2026-06-01T00:00:00Z'),
};

function vector(name: string, options: VerifySignatureOptions): Promise<SignatureReport> {
  const signature = join(DATA, 'vectors', `${name}.bundle.json`);
  return verifySignature(join(DATA, 'model'), { signature, ...options });
}

const kinds = ({ problems }: SignatureReport): ProblemKind[] => problems.map(({ kind }) => kind);

describe('valid vectors', () => {
  test('key', async () => {
    expect(await vector('valid/key', KEY)).toMatchObject({
      ok: true,
      kind: 'key',
      files: 2,
      fingerprint: 'e8450dec4eb99dae995da9af1bc2cc9f76ed669ee2e744f57abba763df3e3f8e',
      problems: [],
    });
  });

  test('certificate', async () => {
    expect(await vector('valid/certificate', CERTIFICATE)).toMatchObject({
      ok: true,
      kind: 'certificate',
      files: 2,
      signer: { subject: 'CN=intermediate-ca', notAfter: '2035-04-30T23:36:28.000Z' },
    });
  });

  test('sigstore: read, and said not to be supported', async () => {
    const report = await vector('valid/sigstore', { ...KEY, ...CERTIFICATE });
    expect(report).toMatchObject({ ok: false, kind: 'keyless', files: 0 });
    expect(kinds(report)).toEqual(['unsupported']);
    expect(report.problems[0]?.message).toMatch(/keyless/);
  });
});

describe('invalid vectors', () => {
  test.each([
    ['invalid/empty', 'malformed', /JSON/],
    ['invalid/missing-envelope', 'malformed', /dsseEnvelope/],
    ['invalid/missing-tlog-entries', 'malformed', /tlogEntries/],
    ['invalid/missing-verification-material', 'malformed', /verificationMaterial/],
    // Its signature is that of another statement, so it ends there.
    ['invalid-payload/wrong-predicate', 'bad-signature', /does not hold/],
  ])('%s', async (name, kind, message) => {
    const report = await vector(name, { ...KEY, ...CERTIFICATE });
    expect(report.ok).toBe(false);
    expect(kinds(report)).toEqual([kind]);
    expect(report.problems[0]?.message).toMatch(message);
  });
});

describe('models signed by the reference implementation', () => {
  const reference = (name: string, options: VerifySignatureOptions) =>
    verifySignature(join(DATA, 'reference', name), options);
  // Left out on the command line in 1.0.1, which did not record that yet.
  const ignore = ['ignore-me'];

  // They name the key by its text, and the one file `.`.
  test.each(['v0.3.1', 'v1.0.0'])('%s, a file with a key', async (version) => {
    const signature = join(DATA, 'reference', `${version}-elliptic-key`, 'model.sig');
    const report = await reference(`${version}-elliptic-key/signme-1`, { ...KEY, signature });
    expect(report).toMatchObject({ ok: true, problems: [], kind: 'key', files: 1 });
  });

  test.each(['v1.0.1', 'v1.1.0'])('%s, a folder with a key', async (version) => {
    const report = await reference(`${version}-elliptic-key`, { ...KEY, ignore });
    expect(report).toMatchObject({ ok: true, problems: [], kind: 'key', files: 2 });
  });

  test.each(['v0.3.1', 'v1.0.0', 'v1.0.1', 'v1.1.0'])('%s with a certificate', async (version) => {
    const report = await reference(`${version}-certificate`, { ...CERTIFICATE, ignore });
    expect(report).toMatchObject({ ok: true, problems: [], kind: 'certificate', files: 2 });
  });

  test('v0.2.0: other bytes were signed, which is said', async () => {
    const report = await reference('v0.2.0-certificate', CERTIFICATE);
    expect(kinds(report)).toEqual(['unsupported']);
    expect(report.problems[0]?.message).toMatch(/0\.2/);
  });
});

test('a certificate is judged by the date', async () => {
  const at = (date: string) =>
    vector('valid/certificate', { ...CERTIFICATE, at: new Date(date) }).then(kinds);
  // All three certificates of the chain have nearly the same dates.
  expect(new Set(await at('2036-01-01T00:00:00Z'))).toEqual(new Set(['expired']));
  expect(new Set(await at('2025-01-01T00:00:00Z'))).toEqual(new Set(['not-yet-valid']));
});

test('what is not trusted is not verified', async () => {
  expect(kinds(await vector('valid/key', CERTIFICATE))).toEqual(['no-trust']);
  expect(kinds(await vector('valid/certificate', KEY))).toEqual(['no-trust']);
});
