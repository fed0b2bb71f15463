/** `git theta provenance sign`: a signature for a model. */
import { ThetaError } from '../../../errors';
import { type FileHash, sign } from '../../../provenance/signing';
import { defineCommand, jsonOption, quietOption } from '../../command';
import { bytes, count } from '../../ui/format';
import { printJson } from '../../ui/json';
import { print, visible, warn } from '../../ui/output';
import { passphraseFrom, passphraseOption } from './passphrase';
import { signingProgress } from './signing-progress';

interface Options {
  key?: string;
  passphraseFile?: string;
  certificate?: string;
  chain?: string[];
  signature?: string;
  ignore?: string[];
  allowSymlinks?: true;
  hash?: FileHash;
  force?: true;
  json?: true;
  quiet?: true;
}

export const command = defineCommand<Options>({
  description: `Signs a model as the OpenSSF Model Signing specification 1.0 describes it, without a
network: a file, or a folder with all files in it. The signature goes to \`FILE.sig\`, or to
\`FOLDER/model.sig\`. Anyone with the public key can verify it, with
\`git theta provenance verify-signature\` or with other programs that know the format.

With \`--certificate\` the signature holds the certificate of the key, and the certificates between it
and a root that are given with \`--chain\`; then the root is what others need to verify it.

In a folder, \`.git\`, \`.gitignore\`, \`.gitattributes\` and \`.github\` at the top are left out, the
signature itself, and what \`--ignore\` names. Symbolic links are refused unless they are allowed.

A signature covers every byte: stamp first, and sign last.`,
  arguments: [{ name: 'model', required: true, summary: 'A file or a folder.' }],
  options: [
    { flags: '--key <file>', summary: 'The private key, on P-256, P-384 or P-521, in PEM.' },
    passphraseOption,
    { flags: '--certificate <file>', summary: 'The certificate of the key, in PEM.' },
    {
      flags: '--chain <file...>',
      summary: 'Certificates between that one and a root, in PEM.',
    },
    { flags: '--signature <file>', summary: 'Where the signature goes.' },
    {
      flags: '--ignore <path...>',
      summary: 'Files and folders not to sign, relative to the folder.',
    },
    { flags: '--allow-symlinks', summary: 'Sign what symbolic links lead to.' },
    {
      flags: '--hash <name>',
      summary: 'The hash of the files; default: sha256, which every verifier knows.',
      choices: ['sha256', 'blake2b'],
    },
    { flags: '-f, --force', summary: 'Replace a signature that exists.' },
    quietOption,
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance sign model.ckpt --key ~/.keys/models',
      summary: 'Write model.ckpt.sig.',
    },
    {
      command:
        'git theta provenance sign release/ --key signer.key --certificate signer.pem --chain ca.pem',
      summary: 'Sign a folder with a certificate.',
    },
  ],
  exitStatus: {
    5: 'The key or the certificate cannot sign.',
    6: 'The key is of a kind that is not supported.',
    8: 'Refused: a signature that exists, a link, a file that changed meanwhile.',
    9: 'A file could not be read or written.',
  },
  async run({ args, options, signal }) {
    const path = args[0] as string;
    const { key, json, quiet, force, passphraseFile, ...rest } = options;
    if (key === undefined)
      throw new ThetaError('ERR_THETA_USAGE', 'no private key', {
        hint: 'Name one with --key; `git theta provenance keygen` makes one.',
      });
    const passphrase = passphraseFrom(passphraseFile);
    const bar = signingProgress(`Signing ${path}`, Boolean(quiet));
    const result = await sign(path, {
      ...rest,
      privateKey: key,
      passphrase,
      overwrite: force,
      signal,
      onProgress: bar.onProgress,
    }).finally(bar.done);
    for (const warning of result.warnings) warn(warning);
    if (json) printJson(result);
    else if (!quiet) {
      const amount = `${count(result.files, 'file')}, ${bytes(result.bytes)}`;
      print(`signed ${amount}: ${visible(result.signature)}`);
    }
    return 0;
  },
});
