// What of a command line is recorded.
import { redactCommand } from '../../../src/provenance/running/secrets';

const redact = (command: string[], env: Record<string, string> = {}) => redactCommand(command, env);
const R = '[redacted]';

test('values of options with a telling name', () => {
  for (const name of ['--token', '--api-key', '--apiKey', '--hf_token', '-password', '--wandb-key'])
    expect(redact(['train', name, 's3cret', 'data'])).toEqual(['train', name, R, 'data']);
  for (const name of [
    '--token=',
    '--api_key=',
    '+logger.api_key=',
    'PASSWORD=',
    'AWS_SECRET_ACCESS_KEY=',
  ])
    expect(redact(['env', `${name}s3cret`])).toEqual(['env', `${name}${R}`]);
  // A flag: what follows is not its value.
  expect(redact(['--use-auth-token', '--lr', '1'])).toEqual(['--use-auth-token', '--lr', '1']);
});

test('what has nothing to hide stays', () => {
  for (const words of [
    ['python', 'train.py', '--lr', '1e-3', '--epochs=3', '--seed', '7'],
    ['--max-tokens', '512', '--pad_token', '<pad>', '--eos-token=</s>', '--tokenizer', 't5'],
    ['--monkey', 'x', '--keys', 'a', '--sort-key', 'name', '--author', 'me'],
    ['--commit', '0123456789abcdef0123456789abcdef01234567'],
    ['--data', 'https://example.com/a?b=c', 's3://bucket/key', 'a@b.example', 'git@host:repo'],
    ['sk-learn', 'hf_datasets', 'C:\\data', 'x'.repeat(4096)],
  ])
    expect(redact(words)).toEqual(words);
});

test('inside of words', () => {
  expect(redact(['sh', '-c', 'PASSWORD="a b" API_TOKEN=x python t.py --token abc --lr 1'])).toEqual(
    ['sh', '-c', `PASSWORD=${R} API_TOKEN=${R} python t.py --token ${R} --lr 1`],
  );
  expect(redact(['{"api_key": "abc", "lr": 1}'])).toEqual([`{"api_key": ${R}, "lr": 1}`]);
  expect(redact(['-H', 'Authorization: Bearer abc.def'])).toEqual(['-H', `Authorization: ${R}`]);
  expect(redact(['-H', 'X-Api-Key: abc def'])).toEqual(['-H', `X-Api-Key: ${R}`]);
});

test('tokens of a known form, wherever they stand', () => {
  for (const token of [
    `hf_${'aB3'.repeat(10)}`,
    `ghp_${'aB3'.repeat(12)}`,
    `github_pat_${'aB3'.repeat(20)}`,
    `glpat-${'aB3'.repeat(7)}`,
    `sk-proj-${'aB3'.repeat(10)}`,
    'AKIAABCDEFGHIJKLMNOP',
    `xoxb-${'1234567890'.repeat(2)}`,
    `eyJ${'aB3'.repeat(5)}.eyJ${'aB3'.repeat(5)}.sig`,
    '-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----',
  ])
    expect(redact([token, `x:${token}`])).toEqual([R, `x:${R}`]);
});

test('credentials in addresses', () => {
  expect(redact(['--repo', 'https://me:pass@example.com/x.git'])).toEqual([
    '--repo',
    'https://example.com/x.git',
  ]);
  expect(redact(['--db=postgres://me:pass@db:5432/x'])).toEqual(['--db=postgres://db:5432/x']);
  expect(redact(['https://s3/x?X-Amz-Signature=abc&y=1'])).toEqual([
    `https://s3/x?X-Amz-Signature=${R}&y=1`,
  ]);
});

test('values of telling variables', () => {
  const env = {
    WANDB_API_KEY: 'value-12345',
    SHORT_TOKEN: 'abc',
    HOME: '/home/someone',
    PWD: '/home/someone/x',
  };
  expect(redact(['a=value-12345', 'abc', '/home/someone/x'], env)).toEqual([
    `a=${R}`,
    'abc',
    '/home/someone/x',
  ]);
});

test('endless command lines are cut, and fast', () => {
  const started = Date.now();
  const long = redact([...Array(300).fill('x'), 'y']);
  expect(long).toHaveLength(257);
  expect(long.at(-1)).toBe('…');
  for (const unit of ['a', 'token', '-', 'a-', '"', "'", ' ', '://', 'x-', '--token '])
    expect(redact([unit.repeat(1_000_000 / unit.length)])[0]?.length).toBeLessThan(10_000);
  expect(Date.now() - started).toBeLessThan(20_000);
});
