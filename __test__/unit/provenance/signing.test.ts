// Keys, signing, and what verification says about each thing that can be wrong.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  isSigned,
  keygen,
  type SignOptions,
  sign,
  type VerifySignatureOptions,
  verifySignature,
} from '../../../src/provenance/signing';

const windows = process.platform === 'win32';
let dir: string;
const path = (...names: string[]) => join(dir, ...names);

function write(name: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path(name)), { recursive: true });
  writeFileSync(path(name), content);
  return path(name);
}

const privateKey = () => path('key');
const signModel = (options: Partial<SignOptions> = {}, target = path('model')) =>
  sign(target, { privateKey: privateKey(), ...options });
const verifyModel = (options: VerifySignatureOptions = {}, target = path('model')) =>
  verifySignature(target, { publicKey: path('key.pub'), ...options });

async function problems(options: VerifySignatureOptions = {}, target?: string): Promise<string[]> {
  const report = await verifyModel(options, target);
  expect(report.ok).toBe(report.problems.length === 0);
  return report.problems.map(({ kind, path: at }) => (at === undefined ? kind : `${kind} ${at}`));
}

interface Parts {
  mediaType: string;
  verificationMaterial: Record<string, unknown>;
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

const readParts = (name = 'model/model.sig') =>
  JSON.parse(readFileSync(path(name), 'utf8')) as Parts;
const statementOf = (parts: Parts) =>
  JSON.parse(Buffer.from(parts.dsseEnvelope.payload, 'base64').toString());

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'git-theta-signing-'));
  await keygen({ out: privateKey() });
  write('model/b.bin', 'bbb');
  write('model/sub/a.bin', 'aaa');
  write('model/sub-a.bin', '');
  write('model/.gitattributes', '* text');
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('keygen', () => {
  test.each([
    ['P-256', 'prime256v1'],
    ['P-384', 'secp384r1'],
    ['P-521', 'secp521r1'],
  ] as const)('%s', async (curve, namedCurve) => {
    const made = await keygen({ out: path('new'), curve });
    const pem = readFileSync(path('new'), 'utf8');
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    const key = createPrivateKey(pem);
    expect(key.asymmetricKeyDetails).toMatchObject({ namedCurve });
    const publicPem = readFileSync(path('new.pub'), 'utf8');
    expect(createPublicKey(key).export({ type: 'spki', format: 'pem' })).toBe(publicPem);
    expect(made).toMatchObject({ curve, publicKey: path('new.pub') });
    if (!windows) expect(statSync(path('new')).mode & 0o777).toBe(0o600);
    await sign(path('model'), { privateKey: path('new') });
    expect(await problems({ publicKey: path('new.pub') })).toEqual([]);
  });

  test.each(['new', 'new.pub'])('never writes over %s', async (name) => {
    write(name, 'precious');
    await expect(keygen({ out: path('new') })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
    });
    expect(readFileSync(path(name), 'utf8')).toBe('precious');
    expect(readdirSync(dir).filter((file) => file.startsWith('new'))).toEqual([name]);
  });

  test('a passphrase encrypts the key', async () => {
    await keygen({ out: path('new'), passphrase: 'open sesame' });
    expect(readFileSync(path('new'), 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    const options = { privateKey: path('new') };
    for (const passphrase of [undefined, 'other'])
      await expect(signModel({ ...options, passphrase })).rejects.toMatchObject({
        code: 'ERR_THETA_PROVENANCE_SIGNATURE',
        hint: expect.stringContaining('passphrase'),
      });
    await signModel({ ...options, passphrase: 'open sesame' });
    expect(await problems({ publicKey: path('new.pub') })).toEqual([]);
  });

  test('a folder that is not there', async () => {
    await keygen({ out: path('some/where/new') });
    expect(readdirSync(path('some/where')).sort()).toEqual(['new', 'new.pub']);
    if (!windows) expect(statSync(path('some/where')).mode & 0o777).toBe(0o700);
    await expect(keygen({ out: path('some/where/new/no') })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_IO',
    });
  });
});

describe('sign', () => {
  test('a folder', async () => {
    const result = await signModel();
    expect(result).toMatchObject({
      signature: path('model/model.sig'),
      kind: 'key',
      files: 3,
      bytes: 6,
    });
    const parts = readParts();
    expect(parts.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
    expect(parts.verificationMaterial).toEqual({
      publicKey: { hint: result.fingerprint },
      tlogEntries: [],
    });
    const statement = statementOf(parts);
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'model', digest: { sha256: result.digest } }],
      predicateType: 'https://model_signing/signature/v1.0',
    });
    expect(statement.predicate.serialization).toEqual({
      method: 'files',
      hash_type: 'sha256',
      allow_symlinks: false,
      ignore_paths: ['.git', '.gitattributes', '.github', '.gitignore', 'model.sig'],
    });
    // By code points: the hyphen stands before the slash.
    const names = statement.predicate.resources.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['b.bin', 'sub-a.bin', 'sub/a.bin']);
    expect(statement.predicate.resources[0]).toEqual({
      name: 'b.bin',
      algorithm: 'sha256',
      digest: '3e744b9dc39389baf0c5a0660589b8402f3dbb49b89b3e75f2c9355852a3c677',
    });
    expect(await verifyModel()).toMatchObject({ ok: true, kind: 'key', files: 3, problems: [] });
    expect(readdirSync(path('model')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('a file, beside it', async () => {
    const file = path('model/b.bin');
    const result = await signModel({}, file);
    expect(result).toMatchObject({ signature: `${file}.sig`, files: 1 });
    const { predicate, subject } = statementOf(readParts('model/b.bin.sig'));
    expect(subject[0].name).toBe('b.bin');
    expect(predicate.resources).toHaveLength(1);
    expect(predicate.resources[0].name).toBe('b.bin');
    expect(await problems({}, file)).toEqual([]);
    // The same signature as that of a folder, of which nothing else is signed.
    const folder = { signature: `${file}.sig`, ignoreUnsigned: true };
    expect(await problems(folder)).toEqual([]);
    write('model/b.bin', 'bbc');
    expect(await problems({}, file)).toEqual(['changed b.bin']);
    expect(await problems(folder)).toEqual(['changed b.bin']);
  });

  test('blake2b', async () => {
    await signModel({ hash: 'blake2b' });
    const { resources } = statementOf(readParts()).predicate;
    expect(resources[0]).toMatchObject({ algorithm: 'blake2b' });
    expect(resources[0].digest).toHaveLength(128);
    expect(await problems()).toEqual([]);
    write('model/b.bin', 'bbc');
    expect(await problems()).toEqual(['changed b.bin']);
  });

  test('a signature that exists is only replaced when asked', async () => {
    await signModel();
    const first = readFileSync(path('model/model.sig'), 'utf8');
    const again = signModel();
    await expect(again).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_REFUSED' });
    expect(readFileSync(path('model/model.sig'), 'utf8')).toBe(first);
    write('model/b.bin', 'other');
    await signModel({ overwrite: true });
    expect(await problems()).toEqual([]);
  });

  test('what is left out', async () => {
    write('model/logs/x.txt', 'x');
    write('model/sub/logs', 'y');
    await signModel({ ignore: ['logs'] });
    write('model/logs/more.txt', 'x');
    write('model/.git/HEAD', 'x');
    expect(await problems()).toEqual([]);
    write('model/sub/logs', 'z');
    expect(await problems()).toEqual(['changed sub/logs']);
    for (const ignore of ['/etc', '../x', '*.txt', 'a//b', 'a\\b', ''])
      await expect(signModel({ ignore: [ignore] })).rejects.toMatchObject({
        code: 'ERR_THETA_USAGE',
      });
  });

  test('an empty folder', async () => {
    mkdirSync(path('empty'));
    await expect(signModel({}, path('empty'))).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
    });
  });

  test.each<[string, string]>([
    ['nothing there', 'ERR_THETA_PROVENANCE_IO'],
    ['not a key', 'ERR_THETA_PROVENANCE_SIGNATURE'],
    ['a public key', 'ERR_THETA_PROVENANCE_SIGNATURE'],
    ['Ed25519', 'ERR_THETA_PROVENANCE_UNSUPPORTED'],
    ['secp256k1', 'ERR_THETA_PROVENANCE_UNSUPPORTED'],
    ['2 MiB', 'ERR_THETA_PROVENANCE_UNSUPPORTED'],
  ])('a bad key: %s', async (name, code) => {
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    const content: Record<string, string | Uint8Array> = {
      'not a key': 'hello',
      'a public key': readFileSync(path('key.pub')),
      Ed25519: generateKeyPairSync('ed25519').privateKey.export(pem),
      secp256k1: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export(pem),
      '2 MiB': Buffer.alloc(2 << 20),
    };
    if (content[name] !== undefined) write('bad', content[name]);
    await expect(signModel({ privateKey: path('bad') })).rejects.toMatchObject({ code });
  });

  (windows ? test.skip : test)('links', async () => {
    write('outside.bin', 'out');
    symlinkSync(path('outside.bin'), path('model/link.bin'));
    await expect(signModel()).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_REFUSED' });
    await signModel({ ignore: ['link.bin'] });
    expect(await problems()).toEqual([]);
    symlinkSync(path('outside.bin'), path('model/other.bin'));
    expect(await problems()).toEqual(['not-a-file other.bin']);
    expect(await problems({ ignoreUnsigned: true })).toEqual([]);

    symlinkSync('..', path('model/sub/up'));
    symlinkSync('sub', path('model/again'));
    const result = await signModel({ allowSymlinks: true, overwrite: true });
    expect(result.files).toBe(6);
    expect(result.warnings).toEqual(
      expect.arrayContaining([
        expect.stringContaining('leads out of the model'),
        expect.stringContaining('leads to a folder it is in'),
      ]),
    );
    expect(await problems()).toEqual([]);
    write('outside.bin', 'changed');
    expect(await problems()).toEqual(['changed link.bin', 'changed other.bin']);
  });

  (windows ? test.skip : test)('a link in place of a signed file', async () => {
    await signModel();
    write('copy.bin', 'bbb');
    rmSync(path('model/b.bin'));
    symlinkSync(path('copy.bin'), path('model/b.bin'));
    for (const ignoreUnsigned of [false, true])
      expect(await problems({ ignoreUnsigned })).toEqual(['not-a-file b.bin']);
  });

  (windows ? test.skip : test)('the model itself as a link', async () => {
    symlinkSync(path('model'), path('link'));
    await expect(signModel({}, path('link'))).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
    });
  });

  (windows ? test.skip : test)('names that are other paths elsewhere', async () => {
    for (const name of ['a\\b', 'C:x']) {
      write(`model/${name}`, 'x');
      await expect(signModel()).rejects.toMatchObject({ code: 'ERR_THETA_PROVENANCE_REFUSED' });
      rmSync(path('model', name));
    }
  });

  test('cancelled, with nothing left behind', async () => {
    const controller = new AbortController();
    write('model/large.bin', Buffer.alloc(8 << 20));
    const events: number[] = [];
    const onProgress = ({ bytes, total }: { bytes: number; total: number }) => {
      expect(total).toBe((8 << 20) + 6);
      events.push(bytes);
      if (bytes > 2 << 20) controller.abort();
    };
    const signing = signModel({ signal: controller.signal, onProgress });
    await expect(signing).rejects.toMatchObject({ code: 'ERR_THETA_CANCELLED' });
    expect(events.at(-1)).toBeLessThan(8 << 20);
    expect(readdirSync(path('model')).sort()).toEqual([
      '.gitattributes',
      'b.bin',
      'large.bin',
      'sub',
      'sub-a.bin',
    ]);
  });

  test('a file that changes meanwhile', async () => {
    write('model/large.bin', Buffer.alloc(8 << 20));
    let done = false;
    const onProgress = () => {
      if (!done) truncateSync(path('model/large.bin'), 3 << 20);
      done = true;
    };
    await expect(signModel({ onProgress })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_REFUSED',
      message: expect.stringContaining('changed'),
    });
  });
});

describe('verify', () => {
  beforeEach(() => signModel());

  test('changed, missing and unlisted files, all at once', async () => {
    write('model/b.bin', 'bbB');
    rmSync(path('model/sub/a.bin'));
    write('model/sub/new.bin', 'n');
    write('model/sub/.git', 'only left out at the top');
    expect((await problems()).sort()).toEqual([
      'changed b.bin',
      'missing sub/a.bin',
      'unlisted sub/.git',
      'unlisted sub/new.bin',
    ]);
    expect((await problems({ ignoreUnsigned: true })).sort()).toEqual([
      'changed b.bin',
      'missing sub/a.bin',
    ]);
  });

  test('another name of the folder, and a signature elsewhere', async () => {
    const { signature } = await signModel({ signature: path('elsewhere.sig') });
    // The first signature then is a file as any other, which was there and is signed.
    expect(await problems({ signature })).toEqual([]);
    expect(statementOf(readParts('elsewhere.sig')).predicate.resources).toHaveLength(4);
  });

  test('a folder in place of a file', async () => {
    rmSync(path('model/b.bin'));
    mkdirSync(path('model/b.bin'));
    expect(await problems()).toEqual(['missing b.bin']);
  });

  test('another key', async () => {
    await keygen({ out: path('other') });
    const report = await verifyModel({ publicKey: path('other.pub') });
    expect(report).toMatchObject({ ok: false, files: 0, problems: [{ kind: 'bad-signature' }] });
    expect(report.problems[0]?.message).toMatch(/another key/);
  });

  test('no key', async () => {
    expect((await verifySignature(path('model'), {})).problems).toMatchObject([
      { kind: 'no-trust' },
    ]);
  });

  test('a private key where the public one belongs', async () => {
    await expect(verifyModel({ publicKey: privateKey() })).rejects.toMatchObject({
      code: 'ERR_THETA_PROVENANCE_SIGNATURE',
    });
  });

  test('no signature, no model', async () => {
    rmSync(path('model/model.sig'));
    const code = 'ERR_THETA_PROVENANCE_IO';
    await expect(verifyModel()).rejects.toMatchObject({ code });
    await expect(verifyModel({}, path('nothing'))).rejects.toMatchObject({ code });
  });

  test('every changed byte of the payload and of the signature is noticed', async () => {
    const parts = readParts();
    const { payload, signatures } = parts.dsseEnvelope;
    for (const part of ['payload', 'sig']) {
      const bytes = Buffer.from(
        part === 'payload' ? payload : (signatures[0]?.sig ?? ''),
        'base64',
      );
      for (let at = 0; at < bytes.length; at += part === 'payload' ? 37 : 1) {
        const bad = Buffer.from(bytes);
        bad[at] = (bad[at] ?? 0) ^ 0x20;
        const text = bad.toString('base64');
        const dsseEnvelope =
          part === 'payload'
            ? { ...parts.dsseEnvelope, payload: text }
            : { ...parts.dsseEnvelope, signatures: [{ sig: text }] };
        write('model/model.sig', JSON.stringify({ ...parts, dsseEnvelope }));
        expect(await problems()).toEqual(['bad-signature']);
      }
    }
  });

  test('keyid may be absent, null or empty, and base64 of either alphabet', async () => {
    const parts = readParts();
    const { dsseEnvelope } = parts;
    const sig = dsseEnvelope.signatures[0]?.sig ?? '';
    const payload = dsseEnvelope.payload.replace(/=+$/, '');
    const urlSafe = sig.replaceAll('+', '-').replaceAll('/', '_');
    for (const signature of [{ sig }, { sig, keyid: null }, { sig: urlSafe, keyid: 'x' }]) {
      const envelope = { ...dsseEnvelope, payload, signatures: [signature] };
      write('model/model.sig', JSON.stringify({ ...parts, dsseEnvelope: envelope }));
      expect(await problems()).toEqual([]);
    }
  });

  test('a signed file that takes several reads, in a folder of many', async () => {
    const large = Buffer.alloc((3 << 20) + 17, 'x');
    write('model/large.bin', large);
    for (let at = 0; at < 50; at++) write(`model/many/${at}.bin`, `${at}`);
    await signModel({ overwrite: true });
    expect(await verifyModel()).toMatchObject({ ok: true, files: 54 });
    large[large.length - 1] = 0;
    write('model/large.bin', large);
    expect(await problems()).toEqual(['changed large.bin']);
  });
});

describe('isSigned', () => {
  test('by a signature beside it, in its folder, or above', async () => {
    expect(await isSigned(path('model/b.bin'))).toBeUndefined();
    await signModel();
    const signature = path('model/model.sig');
    for (const name of ['b.bin', 'sub/a.bin', ''])
      expect(await isSigned(path('model', name))).toBe(signature);
    for (const name of ['.gitattributes', 'new.bin', 'model.sig'])
      expect(await isSigned(path('model', name))).toBeUndefined();
    const file = write('alone.pt', 'x');
    await signModel({}, file);
    expect(await isSigned(file)).toBe(`${file}.sig`);
    write('copy.pt', 'x');
    writeFileSync(path('copy.pt.sig'), readFileSync(`${file}.sig`));
    expect(await isSigned(path('copy.pt'))).toBeUndefined();
  });

  test('what is no bundle covers nothing', async () => {
    write('model/b.bin.sig', 'a signature of another kind');
    write('model/model.sig', '{"mediaType": 1}');
    expect(await isSigned(path('model/b.bin'))).toBeUndefined();
  });
});
