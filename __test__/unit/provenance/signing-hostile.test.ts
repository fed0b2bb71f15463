// Bundles and statements that are not what the specification says, most of them rightly signed: what
// a trusted signer's broken program, or someone without the key, may hand over.
import { createHash, createPrivateKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keygen, type SignatureReport, verifySignature } from '../../../src/provenance/signing';
import { signBytes } from '../../../src/provenance/signing/key';
import { IN_TOTO_JSON, preAuthenticationEncoding } from '../../../src/provenance/signing/pae';

type Json = Record<string, unknown>;

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let dir: string;
const path = (...names: string[]) => join(dir, ...names);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'git-theta-signing-'));
  await keygen({ out: path('key') });
  mkdirSync(path('model'));
  writeFileSync(path('model/a.bin'), 'aaa');
  writeFileSync(path('secret'), 'secret');
});
afterAll(() => rmSync(dir, { recursive: true }));
// Whatever a signature says: it changes nothing.
afterEach(() => expect(readFileSync(path('model/a.bin'), 'utf8')).toBe('aaa'));

const verify = (): Promise<SignatureReport> =>
  verifySignature(path('model'), { publicKey: path('key.pub'), signature: path('x.sig') });

function signed(payload: string | Uint8Array): Json {
  const bytes = Buffer.from(payload as string);
  const key = createPrivateKey(readFileSync(path('key')));
  const sig = signBytes(preAuthenticationEncoding(IN_TOTO_JSON, bytes), key).toString('base64');
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' } },
    dsseEnvelope: {
      payload: bytes.toString('base64'),
      payloadType: IN_TOTO_JSON,
      signatures: [{ sig }],
    },
  };
}

interface Entry extends Json {
  name: string;
  digest: string;
}

const A: Entry = { name: 'a.bin', digest: sha256('aaa'), algorithm: 'sha256' };
const FILES = { method: 'files', hash_type: 'sha256', allow_symlinks: false };

function statement(resources: unknown, serialization: Json = FILES, more: Json = {}): Json {
  const hash = createHash('sha256');
  for (const one of Array.isArray(resources) ? resources : []) {
    if (typeof one?.digest === 'string') hash.update(one.digest, 'hex');
  }
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: hash.digest('hex') } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: { resources, serialization },
    ...more,
  };
}

async function verifyBundle(bundle: string | Uint8Array | Json): Promise<SignatureReport> {
  const raw = typeof bundle === 'string' || bundle instanceof Uint8Array;
  writeFileSync(path('x.sig'), raw ? bundle : JSON.stringify(bundle));
  return verify();
}

const verifyStatement = (body: Json) => verifyBundle(signed(JSON.stringify(body)));

async function expectOnly(report: Promise<SignatureReport>, kind: string): Promise<void> {
  const { ok, problems } = await report;
  expect({ ok, kinds: problems.map((one) => one.kind) }).toEqual({ ok: false, kinds: [kind] });
}

test('the statement that the others differ from is good', async () => {
  expect(await verifyStatement(statement([A]))).toMatchObject({ ok: true, files: 1 });
});

describe('names', () => {
  test.each([
    '../secret',
    'sub/../../secret',
    '/etc/passwd',
    'a\\b',
    '..\\secret',
    'C:\\secret',
    'C:secret',
    './a.bin',
    'sub//a.bin',
    'sub/',
    'a\0.bin',
    '\ud800',
    'x'.repeat(40_000),
  ])('%j', (name) => expectOnly(verifyStatement(statement([A, { ...A, name }])), 'malformed'));

  test('twice', () => expectOnly(verifyStatement(statement([A, A])), 'malformed'));
  test('none', () => expectOnly(verifyStatement(statement([])), 'malformed'));
  test('of an object’s own machinery', async () => {
    const report = await verifyStatement(statement([A, { ...A, name: '__proto__' }]));
    expect(report.problems).toMatchObject([{ kind: 'missing', path: '__proto__' }]);
  });
  test('the one file itself, of a folder', async () => {
    const report = await verifyStatement(statement([{ ...A, name: '.' }]));
    expect(report.problems.map(({ kind }) => kind).sort()).toEqual(['missing', 'unlisted']);
  });
});

describe('statements', () => {
  const other = (serialization: Json) => statement([A], { ...FILES, ...serialization });
  test.each<[string, Json]>([
    ['another type', statement([A], FILES, { _type: 'x' })],
    ['another predicate', statement([A], FILES, { predicateType: 'x' })],
    ['a member more', statement([A], FILES, { more: 1 })],
    ['two subjects', statement([A], FILES, { subject: [{}, {}] })],
    [
      'another root digest',
      statement([A], FILES, { subject: [{ name: 'm', digest: { sha256: '00' } }] }),
    ],
    ['no predicate', statement([A], FILES, { predicate: null })],
    ['a predicate with more', statement([A], FILES, { predicate: { ...FILES } })],
    ['resources of another kind', statement('a.bin')],
    ['a resource of another kind', statement(['a.bin'])],
    ['a digest of another length', statement([{ ...A, digest: '00' }])],
    ['a digest in capitals', statement([{ ...A, digest: A.digest.toUpperCase() }])],
    ['another algorithm', statement([{ ...A, algorithm: 'blake2b' }])],
    ['another method', other({ method: 'tensors' })],
    ['another hash', other({ hash_type: 'md5' })],
    ['a hash named as a method of objects', other({ hash_type: 'constructor' })],
    ['a text for a truth value', other({ allow_symlinks: 'false' })],
    ['a shard size without shards', other({ shard_size: 1 })],
    ['shards without a size', other({ method: 'shards' })],
    ['shards of nothing', other({ method: 'shards', shard_size: 0 })],
    ['a pattern to ignore', other({ ignore_paths: ['*'] })],
    ['a way out to ignore', other({ ignore_paths: ['../x'] })],
    ['a number to ignore', other({ ignore_paths: [1] })],
  ])('%s', (_, body) => expectOnly(verifyStatement(body), 'malformed'));

  test('blake3 is said to be missing here', () =>
    expectOnly(verifyStatement(other({ hash_type: 'blake3' })), 'unsupported'));

  test.each<[string, string | Uint8Array]>([
    ['no JSON', '{'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a list', '[]'],
    ['deep', '['.repeat(200_000) + ']'.repeat(200_000)],
  ])('%s', (_, payload) => expectOnly(verifyBundle(signed(payload)), 'malformed'));

  test('what was signed as something else', async () => {
    const bundle = signed(JSON.stringify(statement([A])));
    const key = createPrivateKey(readFileSync(path('key')));
    const envelope = bundle.dsseEnvelope as { payload: string };
    const raw = signBytes(Buffer.from(envelope.payload, 'base64'), key).toString('base64');
    const dsseEnvelope = { ...envelope, signatures: [{ sig: raw }] };
    await expectOnly(verifyBundle({ ...bundle, dsseEnvelope }), 'bad-signature');
  });
});

describe('bundles', () => {
  const good = () => signed(JSON.stringify(statement([A])));
  const envelope = (more: Json) => ({
    ...good(),
    dsseEnvelope: { ...(good().dsseEnvelope as Json), ...more },
  });
  const material = (verificationMaterial: unknown) => ({ ...good(), verificationMaterial });
  const certificates = (count: number) =>
    Array.from({ length: count }, () => ({ rawBytes: 'AAAA' }));

  test.each<[string, () => string | Uint8Array | Json]>([
    ['a list', () => '[]'],
    ['null', () => 'null'],
    ['not UTF-8', () => Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a member more', () => ({ ...good(), more: 1 })],
    ['the prototype as a member', () => JSON.stringify(good()).replace('{', '{"__proto__":{},')],
    ['no media type', () => ({ ...good(), mediaType: undefined })],
    ['another payload type', () => envelope({ payloadType: 'text/plain' })],
    ['a payload that is not base64', () => envelope({ payload: '!!!!' })],
    ['an empty payload', () => envelope({ payload: '' })],
    ['no signature', () => envelope({ signatures: [] })],
    ['two signatures', () => envelope({ signatures: [{ sig: 'AAAA' }, { sig: 'AAAA' }] })],
    ['a number as signature', () => envelope({ signatures: [{ sig: 1 }] })],
    ['a member more in the envelope', () => envelope({ more: 1 })],
    ['no material', () => material({})],
    ['material of two kinds', () => material({ publicKey: { hint: '' }, certificate: {} })],
    ['a key without any name', () => material({ publicKey: {} })],
    ['no certificate', () => material({ x509CertificateChain: { certificates: [] } })],
    [
      'many certificates',
      () => material({ x509CertificateChain: { certificates: certificates(17) } }),
    ],
  ])('%s', (_, bundle) => expectOnly(verifyBundle(bundle()), 'malformed'));

  test('another version', () =>
    expectOnly(
      verifyBundle({ ...good(), mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' }),
      'unsupported',
    ));

  test('rubbish for certificates', async () => {
    writeFileSync(
      path('x.sig'),
      JSON.stringify(material({ x509CertificateChain: { certificates: certificates(2) } })),
    );
    const FILE = join(__dirname, '../../golden/model-signing/ca-cert.pem');
    const options = { roots: [FILE], signature: path('x.sig') };
    await expectOnly(verifySignature(path('model'), options), 'malformed');
  });

  test('over 64 MiB, of which nothing is read', async () => {
    writeFileSync(path('x.sig'), '');
    truncateSync(path('x.sig'), (64 << 20) + 1);
    await expect(verify()).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_UNSUPPORTED' });
  });

  test('a folder', async () => {
    const signature = path('model');
    await expect(
      verifySignature(path('model'), { publicKey: path('key.pub'), signature }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_THETA_PROVENANCE_/) });
  });
});

describe('parts of files', () => {
  // A colon in a name, so that only the last two numbers are the range.
  const PARTED = process.platform === 'win32' ? 'bb.bin' : 'bb:1:c.bin';
  const content = '0123456789';
  const part = (start: number, end: number, name = PARTED): Entry => ({
    name: `${name}:${start}:${end}`,
    digest: sha256(content.slice(start, end)),
    algorithm: 'sha256',
  });
  const PARTS = { ...FILES, method: 'shards', shard_size: 4 };
  const whole = [part(0, 4), part(4, 8), part(8, 10)];
  const ofA = { ...A, name: 'a.bin:0:3' };

  beforeAll(() => {
    writeFileSync(path('model', PARTED), content);
    writeFileSync(path('model/empty.bin'), '');
  });
  afterAll(() => {
    rmSync(path('model', PARTED));
    rmSync(path('model/empty.bin'));
  });

  test('whole files, and an empty one that has no part', async () => {
    expect(await verifyStatement(statement([ofA, ...whole], PARTS))).toMatchObject({
      ok: true,
      files: 2,
    });
  });

  test('the names that the reference implementation has for the hash', async () => {
    const parts = [ofA, ...whole].map((one) => ({ ...one, algorithm: 'sha256-sharded-4' }));
    expect(await verifyStatement(statement(parts, PARTS))).toMatchObject({ ok: true });
  });

  test('a part of a file that changed, or that got longer or shorter', async () => {
    for (const changed of ['0123x56789', '012345678', '0123456789a', '']) {
      writeFileSync(path('model', PARTED), changed);
      const report = await verifyStatement(statement([ofA, ...whole], PARTS));
      expect(report.problems).toMatchObject([{ kind: 'changed', path: PARTED }]);
    }
    writeFileSync(path('model', PARTED), content);
  });

  test.each<[string, Entry[]]>([
    ['a gap', [part(0, 4), part(8, 10)]],
    ['an overlap', [part(0, 4), part(2, 6), part(8, 10)]],
    ['a part that is too short', [part(0, 3), part(4, 8)]],
    ['a part that is too long', [part(0, 10)]],
    ['no start', [part(4, 8)]],
    ['a range of nothing', [part(4, 4)]],
    ['no range', [{ ...A, name: PARTED }]],
    ['a number that is not exact', [{ ...A, name: `${PARTED}:0:99999999999999999` }]],
    ['a name that leads out', [{ ...A, name: '../secret:0:3' }]],
  ])('%s', (_, parts) =>
    expectOnly(verifyStatement(statement([ofA, ...parts], PARTS)), 'malformed'),
  );

  test('parts of one byte of a file that is large', async () => {
    truncateSync(path('model', PARTED), 1 << 30);
    const parts = statement([{ ...A, name: `${PARTED}:0:1`, digest: sha256('0') }], {
      ...PARTS,
      shard_size: 1,
    });
    const started = performance.now();
    const report = await verifyStatement(parts);
    expect(report.problems.map(({ kind, path: at }) => `${kind} ${at}`).sort()).toEqual([
      `changed ${PARTED}`,
      'unlisted a.bin',
    ]);
    // Its size tells: nothing is hashed.
    expect(performance.now() - started).toBeLessThan(2000);
    writeFileSync(path('model', PARTED), content);
  });
});
