/**
 * Makes a key pair to sign models with.
 *
 * In: where to write it, and the curve. Out: `OUT`, the private key as PKCS#8 PEM that only its
 * owner may read, encrypted when a passphrase is given; and `OUT.pub`, the public key. Neither is
 * ever written over another file. A folder that is not there is made, for the owner alone.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ThetaError } from '../../errors';
import { reading, refused } from './failures';
import { checkDestination } from './files';
import { CURVES, type Curve, keyHint } from './key';

/** What to make. */
export interface KeygenOptions {
  /** Where the private key goes; the public key goes to this name with `.pub`. */
  readonly out: string;
  /** Default: `P-256`. */
  readonly curve?: Curve | undefined;
  /** Encrypts the private key. */
  readonly passphrase?: string | undefined;
}

/** What was made. */
export interface KeyPairFiles {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly curve: Curve;
  /** How signatures name the key: the SHA-256 of the public key's PEM text. */
  readonly fingerprint: string;
}

/**
 * Makes a key pair.
 *
 * @throws ThetaError ERR_THETA_USAGE for an unknown curve or an empty passphrase
 * @throws ThetaError ERR_THETA_PROVENANCE_REFUSED when one of the files exists
 * @throws ThetaError ERR_THETA_PROVENANCE_IO when they cannot be written
 */
export async function keygen(options: KeygenOptions): Promise<KeyPairFiles> {
  const { out, curve = 'P-256', passphrase } = options;
  if (!Object.hasOwn(CURVES, curve))
    throw new ThetaError('ERR_THETA_USAGE', `no curve ${curve}: P-256, P-384 or P-521`);
  if (passphrase === '') throw new ThetaError('ERR_THETA_USAGE', 'the passphrase is empty');
  const publicPath = `${out}.pub`;
  for (const path of [out, publicPath]) await checkDestination(path, false);

  const pair = generateKeyPairSync('ec', { namedCurve: CURVES[curve].openssl });
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption });
  await reading(out, () => mkdir(dirname(out), { recursive: true, mode: 0o700 }));
  await create(out, privatePem as string, 0o600);
  try {
    await create(publicPath, publicPem(pair.publicKey), 0o644);
  } catch (error) {
    await rm(out, { force: true });
    throw error;
  }
  const fingerprint = keyHint(pair.publicKey);
  return { privateKey: out, publicKey: publicPath, curve, fingerprint };
}

function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }) as string;
}

/** Writes a file that must not exist; what was written of one that fails is removed. */
function create(path: string, content: string, mode: number): Promise<void> {
  return reading(path, async () => {
    const file = await open(path, 'wx', mode).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EEXIST' ? refused(`${path}: exists already`, { path }) : error;
    });
    try {
      await file.writeFile(content);
      await file.sync();
      await file.close();
    } catch (error) {
      await file.close().catch(() => {});
      await rm(path, { force: true });
      throw error;
    }
  });
}
