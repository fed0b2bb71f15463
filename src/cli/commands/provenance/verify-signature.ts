/** `git theta provenance verify-signature`: whether a model is as someone signed it. */
import { ThetaError } from '../../../errors';
import {
  type ProblemKind,
  type SignatureReport,
  verifySignature,
} from '../../../provenance/signing';
import { defineCommand, jsonOption, quietOption } from '../../command';
import { count } from '../../ui/format';
import { printJson } from '../../ui/json';
import { print, visible } from '../../ui/output';
import { signingProgress } from './signing-progress';

interface Options {
  publicKey?: string;
  root?: string[];
  signature?: string;
  ignore?: string[];
  ignoreUnsigned?: true;
  at?: Date;
  json?: true;
  quiet?: true;
}

const FORM = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/;

function parseDate(value: string): Date {
  const date = new Date(value);
  if (FORM.test(value) && !Number.isNaN(date.getTime())) return date;
  throw new ThetaError('ERR_THETA_USAGE', `no date: ${value}`, {
    hint: 'A date is written 2026-05-31 or 2026-05-31T12:00Z.',
  });
}

const UNREADABLE: ReadonlySet<ProblemKind> = new Set(['malformed', 'unsupported']);
const FILES: ReadonlySet<ProblemKind> = new Set(['changed', 'missing', 'unlisted', 'not-a-file']);

/** The exit code: of what cannot be read before what is not trusted before what was changed. */
function statusOf({ problems }: SignatureReport): number {
  if (problems.length === 0) return 0;
  if (problems.some(({ kind }) => UNREADABLE.has(kind))) return 6;
  return problems.every(({ kind }) => FILES.has(kind)) ? 4 : 5;
}

function printReport(path: string, report: SignatureReport): void {
  const { ok, files, signer, fingerprint, problems } = report;
  for (const { kind, message } of problems) print(`${kind}: ${visible(message)}`);
  if (!ok) {
    print(`${visible(path)}: NOT verified`);
    return;
  }
  const who = signer ? visible(signer.subject) : `the key ${fingerprint}`;
  print(`${visible(path)}: ${count(files, 'file')} as signed by ${who}`);
}

export const command = defineCommand<Options>({
  description: `Verifies the signature of a model against the OpenSSF Model Signing specification 1.0,
without a network. Give what you trust: a public key, or the root that the signer's certificate leads
to. What the signature says about itself is never trusted.

All that is wrong is listed: a signature that does not hold; a certificate that expired, is not for
signing, or leads to no root you trust; files that changed, are missing, or were added. Files are only
looked at when the signature holds.

Certificates must be valid now, or at the date given with \`--at\`. Revocation is not looked up. Keyless
signatures of Sigstore are not supported.`,
  arguments: [{ name: 'model', required: true, summary: 'A file or a folder.' }],
  options: [
    { flags: '--public-key <file>', summary: 'The public key that must have signed, in PEM.' },
    { flags: '--root <file...>', summary: 'Certificates to trust as roots, in PEM.' },
    {
      flags: '--signature <file>',
      summary: 'The signature; default: FILE.sig, or FOLDER/model.sig.',
    },
    {
      flags: '--ignore <path...>',
      summary: 'Files and folders that need not be signed, relative to the folder.',
    },
    { flags: '--ignore-unsigned', summary: 'Let files be there that are not signed.' },
    {
      flags: '--at <date>',
      summary: 'The date at which certificates must be valid; default: now.',
      parse: parseDate,
    },
    quietOption,
    jsonOption,
  ],
  examples: [
    {
      command: 'git theta provenance verify-signature model.ckpt --public-key models.pub',
      summary: 'Verify a file with model.ckpt.sig beside it.',
    },
    {
      command: 'git theta provenance verify-signature release/ --root company-root.pem',
      summary: 'Verify a folder that was signed with a certificate.',
    },
  ],
  exitStatus: {
    4: 'The signature holds, and files are not as they were signed.',
    5: 'The signature does not hold, or the signer is not trusted.',
    6: 'The signature cannot be read, or is of a kind that is not supported.',
    8: 'A file changed while it was read.',
    9: 'A file could not be read.',
  },
  async run({ args, options, signal }) {
    const path = args[0] as string;
    const { publicKey, root, json, quiet, ...rest } = options;
    if (publicKey === undefined && root === undefined)
      throw new ThetaError('ERR_THETA_USAGE', 'nothing to trust', {
        hint: 'Name a public key with --public-key, or a root with --root.',
      });
    const bar = signingProgress(`Verifying ${path}`, Boolean(quiet));
    const report = await verifySignature(path, {
      ...rest,
      publicKey,
      roots: root,
      signal,
      onProgress: bar.onProgress,
    }).finally(bar.done);
    if (json) printJson({ path, ...report });
    else if (!quiet || !report.ok) printReport(path, report);
    return statusOf(report);
  },
});
