/**
 * Signs a model: a file, or a folder with all that is in it.
 *
 * In: the model and a private key, with the certificate for it when there is one. Out: a signature
 * file as the OpenSSF Model Signing specification 1.0 describes it, written all or not at all.
 * Refused: a key that is not the certificate's, a certificate that is not for signing, links unless
 * allowed, a folder without files, a file that changes meanwhile, a signature file that exists.
 */
import { createPublicKey } from 'node:crypto';
import { resolve } from 'node:path';
import { ThetaError } from '../../errors';
import { type FileHash, isFileHash } from './algorithms';
import { MAX_BUNDLE, type Material, printBundle } from './bundle';
import { readCertificates } from './certificate-files';
import { describeSigner, leafProblems, type Signer } from './certificates';
import { digestFiles, type SigningProgress } from './digests';
import { refused, signatureError, unsupported } from './failures';
import { checkDestination, writeAtomically } from './files';
import { keyHint, readPrivateKey, signBytes } from './key';
import { badIgnore, badName } from './names';
import { IN_TOTO_JSON, preAuthenticationEncoding } from './pae';
import { printStatement, rootDigest } from './statement';
import { defaultSignature, nameInside, openTarget, sizesOf, type Target } from './target';
import { ALWAYS_IGNORED, type Found, walk } from './walk';
import type { Certificate } from './x509';

/** How to sign. */
export interface SignOptions {
  /** A PEM file with a key on P-256, P-384 or P-521. */
  readonly privateKey: string;
  readonly passphrase?: string | undefined;
  /** A PEM file with the certificate of the key; the signature then names it instead of the key. */
  readonly certificate?: string | undefined;
  /** PEM files with the certificates between that one and a root. */
  readonly chain?: readonly string[] | undefined;
  /** Where the signature goes; default: `FILE.sig`, or `FOLDER/model.sig`. */
  readonly signature?: string | undefined;
  /** Paths relative to the folder that are not signed. */
  readonly ignore?: readonly string[] | undefined;
  /** Sign what links lead to. Default: a link is refused. */
  readonly allowSymlinks?: boolean | undefined;
  /** Default: `sha256`, the only one that every verifier has. */
  readonly hash?: FileHash | undefined;
  /** Replace a signature that exists. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: SigningProgress) => void) | undefined;
}

/** What was signed. */
export interface SignResult {
  /** Where the signature is. */
  readonly signature: string;
  readonly kind: 'key' | 'certificate';
  readonly files: number;
  readonly bytes: number;
  /** The SHA-256 that stands for all the files. */
  readonly digest: string;
  /** How the signature names the key: the SHA-256 of its PEM text. */
  readonly fingerprint: string;
  readonly signer?: Signer;
  /** Links that lead out of the model or into a circle. */
  readonly warnings: readonly string[];
}

function checkIgnored(paths: readonly string[]): void {
  for (const path of paths) {
    const why = badIgnore(path);
    if (why) throw new ThetaError('ERR_THETA_USAGE', `the ignored path ${path} ${why}`);
  }
}

async function findFiles(
  target: Target,
  ignore: readonly string[],
  options: SignOptions,
): Promise<Found> {
  const { allowSymlinks = false, signal } = options;
  const hint = 'Sign what links lead to with --allow-symlinks.';
  if (target.isLink && !allowSymlinks)
    throw refused(`${target.path}: is a symbolic link`, { path: target.path, hint });
  if (target.kind === 'file') {
    const why = badName(target.name);
    if (why) throw refused(`${target.path}: has a name that ${why}`, { path: target.path });
    return { files: [{ name: target.name, path: target.path }], obstacles: [], warnings: [] };
  }
  const found = await walk(target.path, { ignore, allowSymlinks, signal });
  const [obstacle] = found.obstacles;
  if (obstacle) {
    const path = `${target.path}/${obstacle.name}`;
    const isLink = obstacle.why.includes('link');
    throw refused(`${path}: ${obstacle.why}`, {
      path,
      hint: isLink ? hint : 'Leave it out with --ignore.',
    });
  }
  if (found.files.length === 0)
    throw refused(`${target.path}: has no file to sign`, { path: target.path });
  return found;
}

/** The certificates to put into the signature; the first is the signer's. */
async function readChain(options: SignOptions): Promise<Certificate[]> {
  const { certificate, chain = [] } = options;
  if (certificate === undefined) {
    if (chain.length === 0) return [];
    throw new ThetaError('ERR_THETA_USAGE', 'a chain needs the certificate that it leads from');
  }
  const [leaf, ...rest] = await readCertificates([certificate]);
  if (!leaf) return [];
  const [problem] = leafProblems(leaf, new Date());
  if (problem) throw signatureError(`${certificate}: ${problem.message}`, { path: certificate });
  const others = [...rest, ...(await readCertificates(chain))];
  return [leaf, ...others.filter((one) => !one.x509.raw.equals(leaf.x509.raw))];
}

/**
 * Signs a file or folder.
 *
 * @throws ThetaError ERR_THETA_USAGE for a chain without certificate, an unknown hash, or an ignored
 * path that is none
 * @throws ThetaError ERR_THETA_PROVENANCE_SIGNATURE for a key or certificate that cannot sign
 * @throws ThetaError ERR_THETA_PROVENANCE_UNSUPPORTED for a key of another kind
 * @throws ThetaError ERR_THETA_PROVENANCE_REFUSED for a signature that exists, a link, a folder
 * without files, or a file that changes meanwhile
 * @throws ThetaError ERR_THETA_PROVENANCE_IO when a file cannot be read or written
 */
export async function sign(path: string, options: SignOptions): Promise<SignResult> {
  const { hash = 'sha256', allowSymlinks = false, ignore = [], overwrite = false } = options;
  if (!isFileHash(hash)) throw new ThetaError('ERR_THETA_USAGE', `there is no hash ${hash}`);
  checkIgnored(ignore);
  const target = await openTarget(path);
  const signature = options.signature ?? defaultSignature(target);
  if (resolve(signature) === resolve(path))
    throw refused(`${path}: cannot be its own signature`, { path });
  await checkDestination(signature, overwrite);

  const privateKey = await readPrivateKey(options.privateKey, options.passphrase);
  const chain = await readChain(options);
  const [leaf] = chain;
  if (leaf && !leaf.x509.checkPrivateKey(privateKey))
    throw signatureError(`${options.privateKey}: is not the key of ${options.certificate}`);

  const inside = await nameInside(target, signature);
  const why = inside === undefined ? undefined : badIgnore(inside);
  if (why) throw refused(`${signature}: the name of the signature ${why}`, { path: signature });
  const left = [...new Set([...ALWAYS_IGNORED, ...ignore, ...(inside ? [inside] : [])])];
  const found = await findFiles(target, left, options);
  const sizes = await sizesOf(found.files);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const digests = await digestFiles(found.files, bytes, { ...options, hash, allowSymlinks });
  const resources = digests.map(({ file, digests: [digest = ''] }) => ({
    name: file.name,
    digest,
  }));
  const payload = printStatement({
    model: target.name,
    resources,
    serialization: { hash, allowSymlinks, ignore: left, shardSize: undefined },
  });
  const fingerprint = keyHint(createPublicKey(privateKey));
  const material: Material = leaf
    ? { kind: 'certificate', certificates: chain.map(({ x509 }) => x509.raw) }
    : { kind: 'key', hint: fingerprint };
  const signed = signBytes(preAuthenticationEncoding(IN_TOTO_JSON, payload), privateKey);
  const bundle = printBundle({ material, payload, signature: signed });
  if (bundle.length > MAX_BUNDLE)
    throw unsupported(`${path}: the signature of so many files would be too large`, { path });
  await writeAtomically(signature, bundle, overwrite);
  return {
    signature,
    kind: leaf ? 'certificate' : 'key',
    files: resources.length,
    bytes: digests.reduce((sum, { size }) => sum + size, 0),
    digest: rootDigest(resources),
    fingerprint,
    ...(leaf && { signer: describeSigner(leaf) }),
    warnings: found.warnings,
  };
}
