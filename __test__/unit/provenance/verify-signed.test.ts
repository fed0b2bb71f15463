// `git theta provenance verify` of a checkpoint that is stamped and then signed.
import { dirname, join } from 'node:path';
import { command as verifyCommand } from '../../../src/cli/commands/provenance/verify';
import { keygen, sign } from '../../../src/provenance/signing';
import { stamp, verifyStamp } from '../../../src/provenance/stamping';
import { folder } from './git-repositories';
import { call } from './stamped';
import { withFile } from './stamping-files';

/** A stamped file, and two keys. */
async function stampedFile() {
  const { root, file } = withFile('torch/state_dict.pt');
  await stamp(file, { dir: root });
  const keys = folder();
  const [key, other] = [join(keys, 'key'), join(keys, 'other')];
  await keygen({ out: key });
  await keygen({ out: other });
  const verify = (options: Record<string, unknown> = {}) =>
    verifyStamp(file, { dir: root, ...options });
  const status = async (options: Record<string, unknown>) =>
    (await call(verifyCommand, [file], { dir: root, quiet: true, ...options })).code;
  return { file, key, publicKey: `${key}.pub`, other: `${other}.pub`, verify, status };
}

const signature = ({ results }: Awaited<ReturnType<typeof verifyStamp>>) =>
  results.find(({ check }) => check === 'signature');

test('without a signature nothing is said of one, unless a key is given', async () => {
  const { publicKey, verify, status } = await stampedFile();
  expect(signature(await verify())).toBeUndefined();
  expect(signature(await verify({ publicKey }))).toMatchObject({
    result: 'failed',
    message: 'no signature covers the file',
  });
  expect(await status({ publicKey })).toBe(5);
});

test.each(['the file', 'its folder'])('%s is signed', async (what) => {
  const { file, key, publicKey, other, verify, status } = await stampedFile();
  await sign(what === 'the file' ? file : dirname(file), { privateKey: key });
  const unknown = await verify();
  expect(unknown.ok).toBe(true);
  expect(signature(unknown)).toMatchObject({
    result: 'unknown',
    message: expect.stringMatching(/^signed by '.*\.sig', not verified/),
  });
  const held = await verify({ publicKey, mode: 'strict' });
  expect(held.ok).toBe(true);
  expect(signature(held)).toMatchObject({
    result: 'ok',
    message: expect.stringMatching(/^as signed by the key [0-9a-f]{64}$/),
  });
  expect(await status({ publicKey, mode: 'strict' })).toBe(0);
  // In relaxed mode, too.
  const wrong = await verify({ publicKey: other });
  expect(wrong.ok).toBe(false);
  expect(signature(wrong)).toMatchObject({ result: 'failed' });
  expect(await status({ publicKey: other })).toBe(5);
});

test('a new stamp voids the signature', async () => {
  const { file, key, publicKey, verify, status } = await stampedFile();
  await sign(file, { privateKey: key });
  await stamp(file, { dir: dirname(file), force: true, run: { command: ['other'] } });
  expect(signature(await verify({ publicKey }))).toMatchObject({ result: 'failed' });
  expect(await status({ publicKey })).toBe(5);
});
