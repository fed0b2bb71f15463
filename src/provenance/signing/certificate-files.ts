/**
 * Certificates in PEM files.
 *
 * In: paths. Out: the certificates, in their order. Refused: files without one, over 8 MiB, with
 * more than 1000, or with one that cannot be read.
 */
import { Problem, signatureError } from './failures';
import { readSmall } from './files';
import { type Certificate, certificatesOfPem, readCertificate } from './x509';

const MAX_FILE = 8 << 20;
const MAX_CERTIFICATES = 1000;

/** Reads the certificates of some files. */
export async function readCertificates(paths: readonly string[]): Promise<Certificate[]> {
  const found: Certificate[] = [];
  for (const path of paths) {
    const ders = certificatesOfPem((await readSmall(path, MAX_FILE)).toString('latin1'));
    if (ders.length === 0) throw signatureError(`${path}: has no certificate in PEM`, { path });
    if (ders.length > MAX_CERTIFICATES)
      throw signatureError(`${path}: has ${ders.length} certificates`, { path });
    for (const der of ders) found.push(readNamed(der, path));
  }
  return found;
}

function readNamed(der: Buffer, path: string): Certificate {
  try {
    return readCertificate(der);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw signatureError(`${path}: ${error.message}`, { path });
  }
}
