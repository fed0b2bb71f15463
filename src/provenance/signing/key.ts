/**
 * Elliptic-curve keys: reading them from PEM files, and the hash that each signs with.
 *
 * In: a file. Out: a key on P-256, P-384 or P-521, which sign SHA-256, SHA-384 and SHA-512. Refused:
 * other kinds of keys, other curves, files over 1 MiB, a wrong or missing passphrase.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  type KeyObject,
} from 'node:crypto';
import { signatureError, unsupported } from './failures';
import { readSmall } from './files';

/** The curves of signing keys. */
export type Curve = 'P-256' | 'P-384' | 'P-521';

interface CurveFacts {
  /** What OpenSSL calls it. */
  readonly openssl: string;
  readonly hash: string;
}

/** What is to be known of each curve. */
export const CURVES: Readonly<Record<Curve, CurveFacts>> = {
  'P-256': { openssl: 'prime256v1', hash: 'sha256' },
  'P-384': { openssl: 'secp384r1', hash: 'sha384' },
  'P-521': { openssl: 'secp521r1', hash: 'sha512' },
};

const MAX_KEY = 1 << 20;

/** The curve of a key, undefined when it is none to sign with. */
export function curveOf(key: KeyObject): Curve | undefined {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'ec') return undefined;
  const found = Object.entries(CURVES).find(([, { openssl }]) => openssl === namedCurve);
  return found?.[0] as Curve | undefined;
}

function onCurve(key: KeyObject, path: string): KeyObject {
  if (curveOf(key)) return key;
  const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown';
  throw unsupported(`${path}: a key of the kind ${kind} cannot sign a model`, {
    hint: 'Model signing has keys on P-256, P-384 and P-521; `keygen` makes one.',
    path,
  });
}

/** Reads a private key. */
export async function readPrivateKey(path: string, passphrase?: string): Promise<KeyObject> {
  const pem = await readSmall(path, MAX_KEY);
  let key: KeyObject;
  try {
    // OpenSSL would ask on the terminal for a passphrase that is not there.
    key = createPrivateKey({ key: pem, format: 'pem', passphrase: passphrase ?? '' });
  } catch (cause) {
    const encrypted = /ENCRYPTED/.test(pem.toString('latin1'));
    const hint = encrypted ? 'The key is encrypted: give its passphrase.' : undefined;
    const what = encrypted ? 'the private key cannot be decrypted' : 'is not a private key in PEM';
    throw signatureError(`${path}: ${what}`, { hint, path, cause });
  }
  return onCurve(key, path);
}

/** Reads a public key. */
export async function readPublicKey(path: string): Promise<KeyObject> {
  const pem = await readSmall(path, MAX_KEY);
  // Node would take the public half of a private key, or of a certificate, as well.
  if (!/-----BEGIN (EC )?PUBLIC KEY-----/.test(pem.toString('latin1')))
    throw signatureError(`${path}: is not a public key in PEM`, { path });
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw signatureError(`${path}: is not a public key in PEM`, { path, cause });
  }
  return onCurve(key, path);
}

/** How a bundle names the key: the SHA-256 of its PEM text, in hex. */
export function keyHint(publicKey: KeyObject): string {
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  return createHash('sha256').update(pem).digest('hex');
}

function hashOf(key: KeyObject): string {
  const curve = curveOf(key);
  if (!curve) throw unsupported('the key is not on P-256, P-384 or P-521');
  return CURVES[curve].hash;
}

/** Signs bytes; the signature is in DER. */
export function signBytes(bytes: Uint8Array, privateKey: KeyObject): Buffer {
  return cryptoSign(hashOf(privateKey), bytes, privateKey);
}

/** Whether the signature is that of the key's owner over the bytes; false for keys of other kinds. */
export function verifyBytes(bytes: Uint8Array, publicKey: KeyObject, signature: Buffer): boolean {
  try {
    return cryptoVerify(hashOf(publicKey), bytes, publicKey, signature);
  } catch {
    return false;
  }
}
