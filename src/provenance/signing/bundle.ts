/**
 * The file of a signature: a Sigstore bundle, version 0.3, with one DSSE envelope.
 *
 * In: its bytes. Out: what was signed, the signature, and by what kind of signer. Or the other way.
 * Refused: other media types, members that the schema does not have, more than one signature,
 * material of several kinds at once, more than 64 MiB.
 */
import { Problem } from './failures';
import { readSmall } from './files';
import { array, base64, type JsonObject, member, object, parseJson, text } from './json';
import { IN_TOTO_JSON } from './pae';

/** What says who signed. Nothing in here is trusted: it comes with the signature. */
export type Material =
  /** `hint` is the fingerprint of a key; bundles of before model-signing 1.1 have none. */
  | { readonly kind: 'key'; readonly hint: string | undefined }
  /** In DER, the signer's first. */
  | { readonly kind: 'certificate'; readonly certificates: readonly Buffer[] }
  /** Signed without a lasting key, through Fulcio and Rekor. */
  | { readonly kind: 'keyless' };

/** What a bundle holds. */
export interface Bundle {
  readonly material: Material;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** Bundles and payloads have at most as many bytes. */
export const MAX_BUNDLE = 64 << 20;

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const MAX_CHAIN = 16;

function readMaterial(value: unknown): Material {
  const material = object(value, 'verificationMaterial');
  const [key, chain, keyless] = ['publicKey', 'x509CertificateChain', 'certificate'].map((name) =>
    member(material, name),
  );
  if ([key, chain, keyless].filter((part) => part !== undefined).length !== 1)
    throw new Problem('malformed', 'verificationMaterial does not have exactly one kind of signer');
  if (key !== undefined) {
    const hint = member(object(key, 'publicKey'), 'hint');
    const raw = member(object(key, 'publicKey'), 'rawBytes');
    if (typeof hint !== 'string' && typeof raw !== 'string')
      throw new Problem('malformed', 'publicKey has neither hint nor rawBytes');
    return { kind: 'key', hint: typeof hint === 'string' ? hint : undefined };
  }
  if (chain !== undefined) {
    const list = array(member(object(chain, 'x509CertificateChain'), 'certificates'), 'the chain');
    if (list.length === 0) throw new Problem('malformed', 'the chain has no certificate');
    if (list.length > MAX_CHAIN)
      throw new Problem('malformed', `the chain has ${list.length} certificates`);
    const certificates = list.map((one) =>
      base64(member(object(one, 'a certificate'), 'rawBytes'), 'a certificate'),
    );
    return { kind: 'certificate', certificates };
  }
  if (array(member(material, 'tlogEntries'), 'tlogEntries').length === 0)
    throw new Problem('malformed', 'a keyless signature has no entry of a transparency log');
  return { kind: 'keyless' };
}

function readEnvelope(value: unknown): Pick<Bundle, 'payload' | 'signature'> {
  const envelope = object(value, 'dsseEnvelope', ['payload', 'payloadType', 'signatures']);
  if (member(envelope, 'payloadType') !== IN_TOTO_JSON)
    throw new Problem('malformed', `payloadType is not ${IN_TOTO_JSON}`);
  const signatures = array(member(envelope, 'signatures'), 'signatures');
  if (signatures.length !== 1)
    throw new Problem('malformed', `there are ${signatures.length} signatures instead of one`);
  const signature: JsonObject = object(signatures[0], 'a signature', ['sig', 'keyid']);
  const keyid = member(signature, 'keyid') ?? '';
  if (typeof keyid !== 'string') throw new Problem('malformed', 'keyid is not a text');
  return {
    payload: base64(member(envelope, 'payload'), 'the payload'),
    signature: base64(member(signature, 'sig'), 'the signature'),
  };
}

/** Reads a bundle. */
export function parseBundle(bytes: Uint8Array): Bundle {
  const top = ['mediaType', 'verificationMaterial', 'dsseEnvelope'];
  const bundle = object(parseJson(bytes, 'the bundle'), 'the bundle', top);
  const mediaType = text(member(bundle, 'mediaType'), 'mediaType');
  if (mediaType !== MEDIA_TYPE)
    throw new Problem('unsupported', `the bundle is of the type ${mediaType.slice(0, 100)}`);
  return {
    material: readMaterial(member(bundle, 'verificationMaterial')),
    ...readEnvelope(member(bundle, 'dsseEnvelope')),
  };
}

/** Reads the bundle in a file. */
export async function readBundle(path: string): Promise<Bundle> {
  return parseBundle(await readSmall(path, MAX_BUNDLE));
}

/** The text of a bundle. Keyless ones are not made here. */
export function printBundle({ material, payload, signature }: Bundle): string {
  const verificationMaterial =
    material.kind === 'certificate'
      ? {
          x509CertificateChain: {
            certificates: material.certificates.map((der) => ({
              rawBytes: der.toString('base64'),
            })),
          },
          tlogEntries: [],
        }
      : {
          publicKey: { hint: material.kind === 'key' ? material.hint : undefined },
          tlogEntries: [],
        };
  const bundle = {
    mediaType: MEDIA_TYPE,
    verificationMaterial,
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: IN_TOTO_JSON,
      signatures: [{ sig: signature.toString('base64'), keyid: '' }],
    },
  };
  return `${JSON.stringify(bundle, undefined, 2)}\n`;
}
