/** `--passphrase-file`: a passphrase from a file, so that no list of processes shows it. */
import { ThetaError } from '../../../errors';
import { readHead } from '../../../failure';
import type { OptionDefinition } from '../../command';

/** `--passphrase-file`, for the commands that have to do with a private key. */
export const passphraseOption: OptionDefinition = {
  flags: '--passphrase-file <file>',
  summary: 'Take the passphrase of the private key from the first line of a file.',
};

const MAX_PASSPHRASE = 4096;

/** The passphrase, undefined when no file is named. Throws a usage error for an empty one. */
export function passphraseFrom(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const head = readHead(path, MAX_PASSPHRASE + 1);
  const [line = ''] = head.toString('utf8').split(/\r?\n/);
  if (line === '')
    throw new ThetaError('ERR_THETA_USAGE', `${path}: the first line has no passphrase`);
  if (Buffer.byteLength(line) > MAX_PASSPHRASE)
    throw new ThetaError('ERR_THETA_USAGE', `${path}: the first line is too long`);
  return line;
}
