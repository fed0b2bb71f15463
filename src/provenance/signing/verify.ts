/**
 * Verifies the signature of a model.
 *
 * In: a file or folder, and a public key or roots that the caller trusts. Out: a report that lists
 * everything found wrong. The statement is only looked at once the signature over it holds, and
 * files only by walking the folder: no name of a signature is ever opened. Refused: to call anything
 * good that was not checked.
 */
import { type Bundle, readBundle } from './bundle';
import { readCertificates } from './certificate-files';
import { checkChain, type Signer } from './certificates';
import { digestFiles, type FileDigests, type SigningProgress } from './digests';
import { Problem, type SignatureProblem } from './failures';
import { keyHint, readPublicKey, verifyBytes } from './key';
import { IN_TOTO_JSON, preAuthenticationEncoding } from './pae';
import { ITSELF, isOf02, parseStatement, type Statement, shardOf } from './statement';
import { defaultSignature, nameInside, openTarget, sizesOf, type Target } from './target';
import { ALWAYS_IGNORED, type ModelFile, walk } from './walk';
import { readCertificate } from './x509';

/** What to trust, and how to look. */
export interface VerifySignatureOptions {
  /** Default: `FILE.sig`, or `FOLDER/model.sig`. */
  readonly signature?: string | undefined;
  /** A PEM file with the public key that must have signed. */
  readonly publicKey?: string | undefined;
  /** PEM files with the roots that the signer's certificate must lead to. */
  readonly roots?: readonly string[] | undefined;
  /** Let files be there that the signature does not list. */
  readonly ignoreUnsigned?: boolean | undefined;
  /** Paths relative to the folder that need not be signed, beside those the signature names. */
  readonly ignore?: readonly string[] | undefined;
  /** The date at which certificates must be valid; default: now. */
  readonly at?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: SigningProgress) => void) | undefined;
}

/** What was found. */
export interface SignatureReport {
  /** Whether the signature holds and everything is as it was signed. */
  readonly ok: boolean;
  /** How the model is signed; undefined when the signature cannot be read. */
  readonly kind: 'key' | 'certificate' | 'keyless' | undefined;
  /** The signature file. */
  readonly signature: string;
  /** How many files were found as they were signed. */
  readonly files: number;
  /** The SHA-256 of the key's PEM text, when signed with a key that was given. */
  readonly fingerprint?: string;
  /** The certificate of the signer. Only trusted when `ok`. */
  readonly signer?: Signer;
  readonly problems: readonly SignatureProblem[];
  /** Links that lead out of the model or into a circle. */
  readonly warnings: readonly string[];
}

type Findings = Pick<SignatureReport, 'files' | 'problems' | 'warnings'>;
type Trust = Pick<SignatureReport, 'fingerprint' | 'signer' | 'problems'>;

const nothing: Findings = { files: 0, problems: [], warnings: [] };

/** Runs `body`; a problem that stops it becomes what `found` makes of it. */
async function caught<T>(
  body: () => Promise<T> | T,
  found: (problem: SignatureProblem) => T,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return found({ kind: error.kind, message: error.message });
  }
}

function badSignature({ payload }: Bundle, other: boolean): Problem {
  if (isOf02(payload))
    return new Problem(
      'unsupported',
      'signatures of model-signing 0.2 are not verified; sign again',
    );
  const why = other
    ? 'it was made with another key'
    : 'it does not belong to this statement and key';
  return new Problem('bad-signature', `the signature does not hold: ${why}`);
}

/** Whether the signature over the payload holds and comes from someone the caller trusts. */
async function checkSignature(bundle: Bundle, options: VerifySignatureOptions): Promise<Trust> {
  const { material, payload, signature } = bundle;
  const { publicKey, roots = [] } = options;
  const signed = preAuthenticationEncoding(IN_TOTO_JSON, payload);
  if (material.kind === 'keyless')
    throw new Problem('unsupported', 'keyless signatures (Fulcio and Rekor) are not verified here');
  if (material.kind === 'key') {
    if (publicKey === undefined)
      throw new Problem('no-trust', 'the model is signed with a key; give the public key');
    const key = await readPublicKey(publicKey);
    const fingerprint = keyHint(key);
    if (!verifyBytes(signed, key, signature))
      throw badSignature(bundle, Boolean(material.hint) && material.hint !== fingerprint);
    return { fingerprint, problems: [] };
  }
  if (roots.length === 0)
    throw new Problem('no-trust', 'the model is signed with a certificate; give the root to trust');
  const trusted = await readCertificates(roots);
  const presented = material.certificates.map(readCertificate);
  const { key, signer, problems } = checkChain(presented, trusted, options.at ?? new Date());
  if (verifyBytes(signed, key, signature)) return { signer, problems };
  const { kind, message } = badSignature(bundle, false);
  return { signer, problems: [...problems, { kind, message }] };
}

/** The signed digests by file: one, or one for each part in the order of the file. */
function expectedDigests({ resources, serialization }: Statement): Map<string, string[]> {
  if (serialization.shardSize === undefined)
    return new Map(resources.map(({ name, digest }) => [name, [digest]]));
  const parts = new Map<string, { start: number; end: number; digest: string }[]>();
  for (const { name, digest } of resources) {
    const shard = shardOf(name);
    if (!shard) throw new Problem('malformed', 'a part of a file has no range');
    const list = parts.get(shard.path) ?? [];
    list.push({ start: shard.start, end: shard.end, digest });
    parts.set(shard.path, list);
  }
  const { shardSize } = serialization;
  return new Map(
    [...parts].map(([path, list]) => {
      list.sort((a, b) => a.start - b.start);
      for (const [at, { start, end }] of list.entries()) {
        const last = at === list.length - 1;
        if (
          start !== at * shardSize ||
          (last ? end > start + shardSize : end !== start + shardSize)
        )
          throw new Problem(
            'malformed',
            `the parts of ${path.slice(0, 200)} leave gaps or overlap`,
          );
      }
      return [path, list.map(({ digest }) => digest)];
    }),
  );
}

/** The end of the last part of each file, when files are signed in parts. */
function expectedSizes({ resources, serialization }: Statement): Map<string, number> {
  const sizes = new Map<string, number>();
  if (serialization.shardSize === undefined) return sizes;
  for (const { name } of resources) {
    const shard = shardOf(name);
    if (shard) sizes.set(shard.path, Math.max(shard.end, sizes.get(shard.path) ?? 0));
  }
  return sizes;
}

/** What is to be compared. */
interface Present {
  readonly files: readonly ModelFile[];
  readonly problems: readonly SignatureProblem[];
  readonly warnings: readonly string[];
}

/** The one file of the signature of a file. */
function presentFile(target: Target, expected: ReadonlyMap<string, unknown>): Present {
  const [name, ...others] = expected.keys();
  if (name !== undefined && others.length === 0 && (name === ITSELF || name === target.name))
    return { files: [{ name, path: target.path }], problems: [], warnings: [] };
  const what = others.length > 0 ? `a folder with ${expected.size} files` : `a file named ${name}`;
  const message = `the signature is that of ${what}`;
  return { files: [], problems: [{ kind: 'missing', message, path: name ?? '' }], warnings: [] };
}

async function present(
  target: Target,
  statement: Statement,
  expected: ReadonlyMap<string, unknown>,
  inside: string | undefined,
  options: VerifySignatureOptions,
): Promise<Present> {
  const { allowSymlinks, ignore, shardSize } = statement.serialization;
  const notFile = (message: string, path: string): SignatureProblem => ({
    kind: 'not-a-file',
    message,
    path,
  });
  if (target.isLink && !allowSymlinks)
    return {
      files: [],
      problems: [notFile('it is a symbolic link, and was signed without any', target.path)],
      warnings: [],
    };
  if (target.kind === 'file') return presentFile(target, expected);

  const names = [...expected.keys()];
  const listed = (path: string) =>
    names.some((name) => name === path || name.startsWith(`${path}/`));
  const given = options.ignore ?? [];
  const left = [...ALWAYS_IGNORED, ...ignore, ...given, ...(inside ? [inside] : [])];
  const found = await walk(target.path, {
    ignore: left.filter((path) => !listed(path)),
    allowSymlinks,
    signal: options.signal,
  });
  const problems: SignatureProblem[] = [];
  const files: ModelFile[] = [];
  const unlisted: ModelFile[] = [];
  for (const file of found.files) (expected.has(file.name) ? files : unlisted).push(file);
  const there = new Set(files.map(({ name }) => name));
  for (const { name, why } of found.obstacles) {
    if (expected.has(name)) there.add(name);
    if (expected.has(name) || !options.ignoreUnsigned)
      problems.push(notFile(`${name} ${why}`, name));
  }
  for (const name of names)
    if (!there.has(name))
      problems.push({ kind: 'missing', message: `${name} is signed and missing`, path: name });
  if (!options.ignoreUnsigned) {
    // With parts, a file without content has none, and cannot be listed.
    const sizes = shardSize === undefined ? [] : await sizesOf(unlisted);
    for (const [at, { name }] of unlisted.entries())
      if (sizes[at] !== 0)
        problems.push({ kind: 'unlisted', message: `${name} is not signed`, path: name });
  }
  return { files, problems, warnings: found.warnings };
}

/** Compares the files with the statement. */
async function checkFiles(
  target: Target,
  statement: Statement,
  inside: string | undefined,
  options: VerifySignatureOptions,
): Promise<Findings> {
  const expected = expectedDigests(statement);
  const ends = expectedSizes(statement);
  const found = await present(target, statement, expected, inside, options);
  const problems = [...found.problems];
  const changed = (path: string) =>
    problems.push({ kind: 'changed', message: `${path} is not as it was signed`, path });

  const sizes = await sizesOf(found.files);
  // A file of another size need not be read, and would have another number of parts.
  const fits = (file: ModelFile, at: number) => (ends.get(file.name) ?? sizes[at]) === sizes[at];
  for (const file of found.files.filter((one, at) => !fits(one, at))) changed(file.name);
  const total = sizes.reduce(
    (sum, size, at) => (fits(found.files[at] as ModelFile, at) ? sum + size : sum),
    0,
  );
  const { hash, allowSymlinks, shardSize } = statement.serialization;
  const digests = await digestFiles(found.files.filter(fits), total, {
    hash,
    allowSymlinks,
    shardSize,
    signal: options.signal,
    onProgress: options.onProgress,
  });
  let files = 0;
  for (const one of digests) {
    if (agrees(one, expected.get(one.file.name))) files++;
    else changed(one.file.name);
  }
  return { files, problems, warnings: found.warnings };
}

function agrees({ digests }: FileDigests, signed: readonly string[] | undefined): boolean {
  return signed?.length === digests.length && digests.every((digest, at) => digest === signed[at]);
}

/**
 * Verifies the signature of a file or folder.
 *
 * What is wrong with the signature or the files is in the report, not thrown.
 *
 * @throws ThetaError ERR_THETA_PROVENANCE_SIGNATURE when the key or a root that was given cannot be
 * read
 * @throws ThetaError ERR_THETA_PROVENANCE_UNSUPPORTED for a key of another kind, or a signature file
 * over 64 MiB
 * @throws ThetaError ERR_THETA_PROVENANCE_REFUSED for a file that changes meanwhile
 * @throws ThetaError ERR_THETA_PROVENANCE_IO when a file cannot be read
 */
export async function verifySignature(
  path: string,
  options: VerifySignatureOptions,
): Promise<SignatureReport> {
  const target = await openTarget(path);
  const signature = options.signature ?? defaultSignature(target);
  let kind: SignatureReport['kind'];
  const stopped = (problem: SignatureProblem) => ({ ...nothing, problems: [problem] });

  const report = await caught<Findings & Trust>(async () => {
    const bundle = await readBundle(signature);
    kind = bundle.material.kind;
    const trust = await checkSignature(bundle, options);
    // A statement that nobody vouches for is not worth reading.
    if (trust.problems.length > 0) return { ...nothing, ...trust };
    const found = await caught<Findings>(async () => {
      const statement = parseStatement(bundle.payload);
      const inside = await nameInside(target, signature);
      return checkFiles(target, statement, inside, options);
    }, stopped);
    return { ...trust, ...found };
  }, stopped);
  return { ok: report.problems.length === 0, kind, signature, ...report };
}
