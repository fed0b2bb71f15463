/**
 * A certificate with the facts that node:crypto does not give: key usage bits, path length, names
 * as bytes, which extensions are critical.
 *
 * In: DER. Out: the certificate and those facts. Refused: what is not exactly one certificate, what
 * is not DER, an extension that appears twice, a certificate over 64 KiB.
 */
import { X509Certificate } from 'node:crypto';
import {
  type Element,
  elements,
  expect,
  only,
  readBits,
  readBoolean,
  readCount,
  readOid,
  readTime,
  TAG,
} from './der';
import { Problem } from './failures';

/** What a certificate says. */
export interface Certificate {
  readonly x509: X509Certificate;
  /** Names in DER: they are compared as bytes. */
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly signatureAlgorithm: string;
  /** Undefined without basic constraints. */
  readonly ca: boolean | undefined;
  readonly pathLength: number | undefined;
  /** Undefined without the extension. */
  readonly keyUsage: { readonly sign: boolean; readonly certSign: boolean } | undefined;
  /** Object identifiers; undefined without the extension. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Extensions that restrict the certificate in ways that are not checked here. */
  readonly unchecked: readonly string[];
}

const MAX_CERTIFICATE = 1 << 16;

const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  policies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
};

const UNDERSTOOD = new Set(Object.values(OID).filter((oid) => oid !== OID.nameConstraints));

const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

function readExtensions(body: Buffer): Map<string, Extension> {
  const found = new Map<string, Extension>();
  for (const extension of elements(only(body, TAG.sequence))) {
    const parts = elements(expect(extension, TAG.sequence));
    const oid = readOid(expect(parts[0], TAG.oid));
    const critical = parts.length === 3 && readBoolean(expect(parts[1], TAG.boolean));
    const value = expect(parts.at(-1), TAG.octetString);
    if (parts.length < 2 || parts.length > 3 || found.has(oid))
      throw new Problem('malformed', `a certificate has a bad extension ${oid}`);
    found.set(oid, { critical, value });
  }
  return found;
}

function basicConstraints(value: Buffer | undefined): Pick<Certificate, 'ca' | 'pathLength'> {
  if (!value) return { ca: undefined, pathLength: undefined };
  const parts = elements(only(value, TAG.sequence));
  const ca = parts[0]?.tag === TAG.boolean && readBoolean((parts.shift() as Element).body);
  const length = parts.shift();
  if (parts.length > 0) throw new Problem('malformed', 'a certificate has bad basic constraints');
  return { ca, pathLength: length && readCount(expect(length, TAG.integer)) };
}

function keyUsage(value: Buffer | undefined): Certificate['keyUsage'] {
  if (!value) return undefined;
  const bits = readBits(only(value, TAG.bitString));
  return { sign: bits[0] ?? false, certSign: bits[5] ?? false };
}

function extendedKeyUsage(value: Buffer | undefined): string[] | undefined {
  if (!value) return undefined;
  return elements(only(value, TAG.sequence)).map((part) => readOid(expect(part, TAG.oid)));
}

/** Reads a certificate from DER. */
export function readCertificate(der: Buffer): Certificate {
  if (der.length > MAX_CERTIFICATE)
    throw new Problem('malformed', `a certificate has ${der.length} bytes`);
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(der);
    // Read only when asked for, and only then refused.
    void x509.publicKey;
  } catch {
    throw new Problem('malformed', 'a certificate cannot be read');
  }
  // Node reads PEM as well, and skips what follows a certificate.
  if (!x509.raw.equals(der)) throw new Problem('malformed', 'a certificate is not exactly one');

  const [body, algorithm] = elements(only(der, TAG.sequence));
  const fields = elements(expect(body, TAG.sequence));
  if (fields[0]?.tag === VERSION) fields.shift();
  const [, , issuer, validity, subject, , ...optional] = fields;
  const [notBefore, notAfter] = elements(expect(validity, TAG.sequence));
  if (!issuer || !subject || !notBefore || !notAfter)
    throw new Problem('malformed', 'a certificate is incomplete');
  const holder = optional.find(({ tag }) => tag === EXTENSIONS);
  const extensions = holder ? readExtensions(holder.body) : new Map<string, Extension>();
  const valueOfExtension = (oid: string) => extensions.get(oid)?.value;
  return {
    x509,
    subject: subject.whole,
    issuer: issuer.whole,
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    signatureAlgorithm: readOid(expect(elements(expect(algorithm, TAG.sequence))[0], TAG.oid)),
    ...basicConstraints(valueOfExtension(OID.basicConstraints)),
    keyUsage: keyUsage(valueOfExtension(OID.keyUsage)),
    extendedKeyUsage: extendedKeyUsage(valueOfExtension(OID.extendedKeyUsage)),
    unchecked: [...extensions]
      .filter(
        ([oid, { critical }]) => (critical && !UNDERSTOOD.has(oid)) || oid === OID.nameConstraints,
      )
      .map(([oid]) => oid),
  };
}

/** The certificates in a PEM file, as DER. Other things in it are passed over. */
export function certificatesOfPem(pem: string): Buffer[] {
  const block = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;
  return [...pem.matchAll(block)].map(([, body = '']) => Buffer.from(body, 'base64'));
}
