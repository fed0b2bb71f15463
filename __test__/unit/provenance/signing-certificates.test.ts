// The chain from a signer's certificate to a root, with certificates of certificates/make.py.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sign, verifySignature } from '../../../src/provenance/signing';
import { checkChain } from '../../../src/provenance/signing/certificates';
import {
  type Certificate,
  certificatesOfPem,
  readCertificate,
} from '../../../src/provenance/signing/x509';
import { CHECKOUT } from '../../support/env';

const FILE = join(CHECKOUT, '__test__/golden/model-signing/certificates/certificates.json');
const DATA = JSON.parse(readFileSync(FILE, 'utf8')) as {
  certificates: Record<string, string>;
  keys: Record<string, string>;
};
const AT = new Date('2027-01-01T00:00:00Z');

function der(name: string): Buffer {
  const [found] = certificatesOfPem(DATA.certificates[name] ?? '');
  if (!found) throw new Error(`no certificate ${name}`);
  return found;
}

const certificate = (name: string): Certificate => readCertificate(der(name));

/** The kinds of problems of a chain, without repetition. */
function problems(chain: string[], roots = ['root'], at = AT): string[] {
  const report = checkChain(chain.map(certificate), roots.map(certificate), at);
  return [...new Set(report.problems.map(({ kind }) => kind))];
}

describe('good', () => {
  test.each(['leaf', 'leaf P-384', 'leaf P-521', 'purpose only', 'usage only', 'no name'])(
    '%s',
    (name) => {
      expect(problems([name, 'ca'])).toEqual([]);
    },
  );

  test('the order of the others does not matter, nor do strangers among them', () => {
    expect(problems(['leaf', 'other root', 'root', 'sub ca', 'ca'])).toEqual([]);
  });

  test('what lies between may come with the roots', () => {
    expect(problems(['leaf'], ['ca', 'root'])).toEqual([]);
  });

  test('a signer that is itself trusted', () => {
    expect(problems(['self signed'], ['self signed'])).toEqual([]);
  });
});

describe('bad', () => {
  test.each<[string, string[], string[]]>([
    ['without what lies between', ['leaf'], ['untrusted-chain']],
    ['from another key of the same name', ['forged', 'false ca', 'ca'], ['untrusted-chain']],
    ['signed by itself', ['self signed'], ['untrusted-chain']],
    ['expired', ['expired', 'ca'], ['expired']],
    ['not yet valid', ['not yet', 'ca'], ['not-yet-valid']],
    ['key usage without signing', ['no signing', 'ca'], ['wrong-usage']],
    ['for servers only', ['for tls', 'ca'], ['wrong-usage']],
    ['without any usage', ['for nothing', 'ca'], ['wrong-usage']],
    ['an unknown critical extension', ['critical', 'ca'], ['unsupported']],
    ['an RSA key', ['rsa', 'ca'], ['unsupported']],
    ['issued without CA flag', ['by no ca', 'no ca'], ['not-a-ca']],
    [
      'issued without constraints',
      ['by no basic constraints', 'no basic constraints'],
      ['not-a-ca'],
    ],
    ['issued without the usage for it', ['by no cert sign', 'no cert sign'], ['wrong-usage']],
    ['issued by a CA that expired', ['by old ca', 'old ca'], ['expired']],
    ['one CA too many', ['by sub ca', 'sub ca', 'ca'], ['path-length']],
    ['name constraints', ['by named ca', 'named ca'], ['unsupported']],
    ['issued by a CA for servers', ['by tls ca', 'tls ca'], ['wrong-usage']],
    ['issued with a short RSA key', ['by weak ca', 'weak ca'], ['untrusted-chain']],
    ['issued by another signer', ['leaf', 'usage only'], ['untrusted-chain']],
  ])('%s', (_, chain, kinds) => {
    expect(problems(chain)).toEqual(kinds);
  });

  test('another root', () => {
    expect(problems(['leaf', 'ca', 'root'], ['other root'])).toEqual(['untrusted-chain']);
  });

  test('a certificate between is no root, even when it is given as one', () => {
    expect(problems(['leaf', 'ca'], ['ca'])).toEqual(['untrusted-chain']);
  });

  test('every way to a root is tried, and the best one counts', () => {
    const renewed = certificate('ca');
    const expired = { ...renewed, notAfter: new Date('2026-06-01T00:00:00Z') };
    const report = (chain: Certificate[]) =>
      checkChain([certificate('leaf'), ...chain], [certificate('root')], AT).problems;
    expect(report([expired]).map(({ kind }) => kind)).toEqual(['expired']);
    expect(report([expired, renewed])).toEqual([]);
  });
});

describe('hostile DER', () => {
  const good = der('leaf');

  test('a flipped bit anywhere is an error or leads to no root', () => {
    for (let at = 0; at < good.length; at++) {
      for (const bit of [0x01, 0x80]) {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ bit;
        let outcome: unknown;
        try {
          const chain = [readCertificate(bad), certificate('ca')];
          outcome = checkChain(chain, [certificate('root')], AT).problems.length;
        } catch (error) {
          outcome = (error as { kind?: unknown }).kind;
        }
        expect(outcome).not.toBe(0);
        expect(['malformed', 1, 2, 3, 4, 5]).toContain(outcome);
      }
    }
  });

  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['cut short', good.subarray(0, -1)],
    ['something behind it', Buffer.concat([good, Buffer.from([0])])],
    ['two of them', Buffer.concat([good, good])],
    ['PEM', Buffer.from(DATA.certificates.leaf ?? '')],
    ['too large', Buffer.alloc(70_000, 0x30)],
  ])('%s', (_, bytes) => {
    expect(() => readCertificate(bytes)).toThrow(expect.objectContaining({ kind: 'malformed' }));
  });
});

describe('signing with a certificate', () => {
  let dir: string;
  const path = (name: string) => join(dir, name);

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'git-theta-signing-'));
    writeFileSync(path('model.pt'), 'weights');
    for (const [name, pem] of Object.entries({ ...DATA.certificates, ...DATA.keys }))
      writeFileSync(path(`${name}.pem`), pem);
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test.each([
    ['P-256', 'leaf'],
    ['P-384', 'leaf P-384'],
    ['P-521', 'leaf P-521'],
  ])('%s', async (curve, name) => {
    const certificate = path(`${name}.pem`);
    const signed = await sign(path('model.pt'), {
      privateKey: path(`${curve}.pem`),
      certificate,
      chain: [path('ca.pem')],
    });
    expect(signed).toMatchObject({ kind: 'certificate', signer: { subject: `CN=${name}` } });
    const options = { roots: [path('root.pem')], at: AT };
    expect(await verifySignature(path('model.pt'), options)).toMatchObject({
      ok: true,
      kind: 'certificate',
      files: 1,
      signer: { subject: `CN=${name}`, issuer: 'CN=ca' },
    });
    writeFileSync(path('model.pt'), 'Weights');
    const after = await verifySignature(path('model.pt'), options);
    expect(after.problems).toMatchObject([{ kind: 'changed', path: 'model.pt' }]);
    const other = { ...options, roots: [path('other root.pem')] };
    const untrusted = await verifySignature(path('model.pt'), other);
    // Files are not looked at for someone who is not trusted.
    expect(untrusted.problems).toMatchObject([{ kind: 'untrusted-chain' }]);
  });

  test.each([
    ['the key of another certificate', 'P-384', 'leaf'],
    ['a certificate that expired', 'P-256', 'expired'],
    ['a certificate for something else', 'P-256', 'for tls'],
  ])('refused: %s', async (_, curve, name) => {
    const options = { privateKey: path(`${curve}.pem`), certificate: path(`${name}.pem`) };
    await expect(sign(path('model.pt'), options)).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_SIGNATURE',
    });
    expect(() => readFileSync(path('model.pt.sig'))).toThrow(/ENOENT/);
  });
});
