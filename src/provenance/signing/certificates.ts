/**
 * Whether a certificate may be trusted: the chain from it to a root that the caller trusts.
 *
 * In: the signer's certificate, others that may lie between, the roots, and a date. Out: the chain
 * and the signer's key, or the problems of the best chain there is. Checked, of every certificate:
 * dates, signature, algorithm; of each that issued another: CA flag, key usage, path length; of the
 * signer's: that it may sign, and code at that when it says what it may be used for. Refused:
 * restrictions that are not understood. Revocation is not looked at: nothing here uses a network.
 */
import type { KeyObject } from 'node:crypto';
import { Problem, type SignatureProblem } from './failures';
import { curveOf } from './key';
import type { Certificate } from './x509';

/** What is known about the signer of a model that was signed with a certificate. */
export interface Signer {
  /** The name in the certificate, its lines joined. */
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  /** SHA-256 over the certificate. */
  readonly fingerprint: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

/** Where a chain leads, and what is wrong with it. */
export interface ChainReport {
  readonly key: KeyObject;
  readonly signer: Signer;
  readonly problems: readonly SignatureProblem[];
}

/** SHA-2 with RSA or elliptic curves, and Edwards curves. */
const STRONG = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
  '1.3.101.113',
]);

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const ANY_USAGE = '2.5.29.37.0';

const MAX_DEPTH = 10;
const MAX_SIGNATURES = 200;

/** A name as one line. A certificate may have none, and Node then gives none. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').join(', ');

const called = ({ x509 }: Certificate): string => `the certificate of "${oneLine(x509.subject)}"`;

const same = (a: Certificate, b: Certificate): boolean => a.x509.raw.equals(b.x509.raw);

const selfIssued = ({ subject, issuer }: Certificate): boolean => subject.equals(issuer);

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    // A key of another kind than the signature.
    return false;
  }
}

/** Whether it is signed with its own key. */
const selfSigned = (certificate: Certificate): boolean =>
  selfIssued(certificate) && isSignedBy(certificate, certificate);

const signsCode = ({ extendedKeyUsage }: Certificate): boolean =>
  extendedKeyUsage === undefined ||
  extendedKeyUsage.includes(CODE_SIGNING) ||
  extendedKeyUsage.includes(ANY_USAGE);

/** What is wrong with a certificate whatever its place. */
function* anywhere(certificate: Certificate, at: Date): Generator<SignatureProblem> {
  const { notBefore, notAfter, unchecked } = certificate;
  const who = called(certificate);
  if (at < notBefore)
    yield { kind: 'not-yet-valid', message: `${who} is valid from ${notBefore.toISOString()}` };
  if (at > notAfter) yield { kind: 'expired', message: `${who} expired ${notAfter.toISOString()}` };
  if (unchecked.length > 0) {
    const list = unchecked.join(', ');
    yield { kind: 'unsupported', message: `${who} has restrictions that are not checked: ${list}` };
  }
  if (!signsCode(certificate))
    yield { kind: 'wrong-usage', message: `${who} is not for signing code` };
}

/** What is wrong with the signer's certificate. */
export function* leafProblems(leaf: Certificate, at: Date): Generator<SignatureProblem> {
  yield* anywhere(leaf, at);
  const who = called(leaf);
  if (leaf.keyUsage ? !leaf.keyUsage.sign : leaf.extendedKeyUsage === undefined)
    yield { kind: 'wrong-usage', message: `${who} is not for digital signatures` };
  if (!curveOf(leaf.x509.publicKey))
    yield { kind: 'unsupported', message: `${who} has no key on P-256, P-384 or P-521` };
}

/** What is wrong with a certificate that issued another; `below` are those between it and the leaf. */
function* issuerProblems(
  certificate: Certificate,
  below: readonly Certificate[],
  at: Date,
): Generator<SignatureProblem> {
  yield* anywhere(certificate, at);
  const who = called(certificate);
  if (certificate.ca !== true)
    yield { kind: 'not-a-ca', message: `${who} issued another and is not that of a CA` };
  if (certificate.keyUsage && !certificate.keyUsage.certSign)
    yield { kind: 'wrong-usage', message: `${who} issued another and is not for that` };
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.x509.publicKey;
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    yield { kind: 'untrusted-chain', message: `${who} has a key of less than 2048 bits` };
  const counted = below.filter((one) => !selfIssued(one)).length;
  if (certificate.pathLength !== undefined && counted > certificate.pathLength)
    yield { kind: 'path-length', message: `${who} allows fewer CAs below it than there are` };
}

function chainProblems(chain: readonly Certificate[], at: Date): SignatureProblem[] {
  const [leaf, ...issuers] = chain as [Certificate, ...Certificate[]];
  const found = [...leafProblems(leaf, at)];
  for (const [index, issuer] of issuers.entries()) {
    found.push(...issuerProblems(issuer, issuers.slice(0, index), at));
    const issued = chain[index] as Certificate;
    if (!STRONG.has(issued.signatureAlgorithm)) {
      const message = `${called(issued)} is signed with a weak or unknown algorithm`;
      found.push({ kind: 'untrusted-chain', message });
    }
  }
  return found;
}

/** All chains from the leaf to a root, shortest detours first, within limits. */
function* chains(
  leaf: Certificate,
  pool: readonly Certificate[],
  anchors: readonly Certificate[],
): Generator<readonly Certificate[]> {
  let left = MAX_SIGNATURES;
  function* from(chain: readonly Certificate[]): Generator<readonly Certificate[]> {
    const last = chain.at(-1) as Certificate;
    if (anchors.some((anchor) => same(anchor, last))) {
      yield chain;
      return;
    }
    if (chain.length >= MAX_DEPTH) return;
    for (const next of [...anchors, ...pool]) {
      if (!next.subject.equals(last.issuer) || chain.some((one) => same(one, next))) continue;
      if (left-- <= 0) return;
      if (isSignedBy(last, next)) yield* from([...chain, next]);
    }
  }
  yield* from([leaf]);
}

/** Describes the signer's certificate. */
export function describeSigner({ x509, notBefore, notAfter }: Certificate): Signer {
  return {
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    serialNumber: x509.serialNumber,
    fingerprint: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
  };
}

/**
 * Checks the chain from `presented[0]` to one of `roots`. Certificates among `roots` that are not
 * signed with their own key are no roots: they only help to find the way.
 */
export function checkChain(
  presented: readonly Certificate[],
  roots: readonly Certificate[],
  at: Date,
): ChainReport {
  const [leaf, ...others] = presented;
  if (!leaf) throw new Problem('malformed', 'the chain has no certificate');
  const anchors = roots.filter(selfSigned);
  const pool = [...others, ...roots.filter((one) => !anchors.includes(one))];
  let problems: SignatureProblem[] | undefined;
  for (const chain of chains(leaf, pool, anchors)) {
    const found = chainProblems(chain, at);
    if (!problems || found.length < problems.length) problems = found;
    if (found.length === 0) break;
  }
  const untrusted: SignatureProblem = {
    kind: 'untrusted-chain',
    message: `no chain leads from ${called(leaf)} to a trusted root`,
  };
  return {
    key: leaf.x509.publicKey,
    signer: describeSigner(leaf),
    problems: problems ?? [untrusted, ...leafProblems(leaf, at)],
  };
}
