/** `git theta provenance keygen`: a key pair to sign models with. */
import { type Curve, keygen } from '../../../provenance/signing';
import { defineCommand, jsonOption } from '../../command';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { passphraseFrom, passphraseOption } from './passphrase';

interface Options {
  curve?: Curve;
  json?: true;
  passphraseFile?: string;
}

export const command = defineCommand<Options>({
  description: `Makes a key pair to sign models with: the private key in the file that is named, which
only you can read, and the public key beside it, with \`.pub\` after the name. Give the public key to
those who verify your models; keep the private key out of the repository. Its folder is made when it is
not there.

With \`--passphrase-file\` the private key is encrypted. Files that exist are never written over.`,
  arguments: [{ name: 'out', required: true, summary: 'Where the private key goes.' }],
  options: [
    {
      flags: '--curve <curve>',
      summary: 'The elliptic curve; default: P-256.',
      choices: ['P-256', 'P-384', 'P-521'],
    },
    passphraseOption,
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance keygen ~/.keys/models',
      summary: 'Make ~/.keys/models and ~/.keys/models.pub.',
    },
  ],
  exitStatus: { 8: 'One of the files exists.', 9: 'A file could not be written.' },
  async run({ args, options }) {
    const out = args[0] as string;
    const { curve, json } = options;
    const passphrase = passphraseFrom(options.passphraseFile);
    const made = await keygen({ out, curve, passphrase });
    if (json) printJson(made);
    else {
      print(`private key  ${visible(made.privateKey)}`);
      print(`public key   ${visible(made.publicKey)}`);
      print(`fingerprint  ${made.fingerprint}`);
    }
    return 0;
  },
});
