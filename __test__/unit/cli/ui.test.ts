import { usesColour } from '../../../src/cli/ui/colour';
import { describeFailure, exitCode, fail } from '../../../src/cli/ui/errors';
import { bytes, count } from '../../../src/cli/ui/format';
import { formatJson } from '../../../src/cli/ui/json';
import { hintLines, labelled, visible } from '../../../src/cli/ui/output';
import { describeProgress } from '../../../src/cli/ui/progress';
import { table } from '../../../src/cli/ui/table';
import { formatCell, tensorRow } from '../../../src/cli/ui/tensors';
import { ThetaError } from '../../../src/errors';

describe('names', () => {
  test.each([
    ['model.pt', 'model.pt'],
    ['слой.вес 🙂', 'слой.вес 🙂'],
    ['\u001b[31mred', '\\x1b[31mred'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['\u009b2J', '\\x9b2J'],
    ['\u202etp.ledom', '\\u202etp.ledom'],
    ['\ud800x', '\\ud800x'],
    ['\u0000\u007f', '\\x00\\x7f'],
  ])('%j is printed as %j', (name, shown) => expect(visible(name)).toBe(shown));

  test('a message cannot forge a label', () => {
    expect(labelled('error', 'bad\nhint: rm -rf /\u001b[2J')).toBe(
      'error: bad\n       hint: rm -rf /\\x1b[2J',
    );
    expect(hintLines('one\ntwo')).toBe('hint: one\nhint: two');
  });

  test('a JSON document shows no control character, and is still the same document', () => {
    const text = formatJson({ b: '\u009b\u202e\u001b', a: [{ d: 1, c: null }] });
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    expect(JSON.parse(text)).toEqual({
      schema: 1,
      a: [{ c: null, d: 1 }],
      b: '\u009b\u202e\u001b',
    });
    expect(Object.keys(JSON.parse(text))).toEqual(['schema', 'a', 'b']);
  });
});

describe('numbers', () => {
  test.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [1023, '1023 bytes'],
    [1024, '1.00 KiB'],
    [1024 * 1023.9, '1.00 MiB'],
    [1536 * 1024, '1.50 MiB'],
    [12.34 * 2 ** 30, '12.3 GiB'],
    [123.4 * 2 ** 30, '123 GiB'],
    [5 * 2 ** 60, '5120 PiB'],
  ])('%d bytes are %s', (size, text) => expect(bytes(size)).toBe(text));

  test('counts agree with their nouns', () => {
    expect([count(1, 'tensor'), count(2, 'tensor'), count(0, 'copy', 'copies')]).toEqual([
      '1 tensor',
      '2 tensors',
      '0 copies',
    ]);
  });
});

describe('rows of checkpoints and tensors', () => {
  test('names are visible, a hash is shortened or left out', () => {
    const tensor = { name: 'a\u001b', dtype: 'f\n', shape: [2, 3], bytes: 2048 };
    const cells = ['  a\\x1b', 'f\\n', '[2, 3]', '2.00 KiB'];
    expect(tensorRow(tensor)).toEqual([...cells, '']);
    expect(tensorRow({ ...tensor, hash: '0123456789abcdef' })).toEqual([...cells, '0123456789ab']);
    expect(formatCell('torch-zip', undefined)).toBe('torch-zip');
    expect(formatCell('opaque', 'a\n')).toBe('opaque (a\\n)');
  });
});

describe('tables', () => {
  test('plain text is drawn as any other', () => {
    const rows = [
      ['a', '10', 'x y'],
      ['bcd', '', ''],
      ['', '2'],
      ['e', '300', ''],
    ];
    for (const options of [{}, { align: ['left', 'right'] as const, head: ['n', 'size'] }]) {
      const other = table([...rows, ['é', '', '']], options);
      expect(`${table(rows, options)}\né`).toBe(other);
    }
  });

  test('columns are as wide as what is seen', () => {
    const rows = [
      ['a', '1'],
      ['模型', '10'],
      ['é', '100'],
    ];
    expect(table(rows, { head: ['name', 'size'], align: ['left', 'right'] })).toBe(
      ['name  size', 'a        1', '模型    10', 'é      100'].join('\n'),
    );
  });

  test('colours have no width, and a column without text takes none beside any text', () => {
    const rows = [
      ['a', '', '\u001b[1mx\u001b[22m', '!'],
      ['bc', '', 'yz', '!'],
    ];
    const drawn = 'a     \u001b[1mx\u001b[22m   !\nbc    yz  !';
    expect(table(rows)).toBe(drawn);
    expect(table([...rows, ['模型', '', '', '!']])).toBe(
      `${drawn.replaceAll(/^(a |bc)/gm, '$1  ')}\n模型        !`,
    );
  });

  test('no rows, rows of different length, empty cells', () => {
    expect(table([])).toBe('');
    expect(table([['a', 'b'], ['c']])).toBe('a  b\nc');
    const rows = [
      ['', 'b'],
      ['a', 'c'],
    ];
    expect(table(rows)).toBe('   b\na  c');
  });
});

describe('errors', () => {
  const spy = (name: 'stdout' | 'stderr') => {
    let text = '';
    jest.spyOn(process[name], 'write').mockImplementation((part) => {
      text += part.toString();
      return true;
    });
    return () => text;
  };

  afterEach(() => {
    jest.restoreAllMocks();
    delete process.env.GIT_THETA_TRACE;
  });

  test('an error with its hint; the stack only with GIT_THETA_TRACE', () => {
    const stderr = spy('stderr');
    const error = new ThetaError('ERR_THETA_NOT_TRACKED', "'x' is not tracked", {
      hint: "Run 'git theta track x'.",
      cause: new Error('inner'),
    });
    expect(fail(error)).toBe(128);
    expect(stderr()).toBe("error: 'x' is not tracked\nhint: Run 'git theta track x'.\n");
    process.env.GIT_THETA_TRACE = '1';
    fail(error);
    expect(stderr()).toContain('errors.test.ts'.replace('errors', 'ui'));
    expect(stderr()).toContain('Error: inner');
  });

  test('as JSON', () => {
    const stdout = spy('stdout');
    const error = new ThetaError('ERR_THETA_CORRUPT_TENSOR', 'bad', { path: 'a', tensor: 't' });
    fail(error, { json: true });
    expect(JSON.parse(stdout())).toEqual({
      schema: 1,
      error: { code: 'ERR_THETA_CORRUPT_TENSOR', message: 'bad', path: 'a', tensor: 't' },
    });
  });

  test.each([
    ['ERR_THETA_USAGE', 129],
    ['ERR_THETA_CONFLICT', 1],
    ['ERR_THETA_CANCELLED', 130],
    ['ERR_THETA_GIT_FAILED', 128],
  ])('%s exits with %d', (code, expected) => expect(exitCode(code)).toBe(expected));

  test('errors of the system and of nobody', () => {
    const full = Object.assign(new Error('ENOSPC: …'), {
      code: 'ENOSPC',
      syscall: 'write',
      path: '/x',
    });
    expect(describeFailure(full)).toEqual({
      code: 'ERR_THETA_DISK_FULL',
      message: '/x: no space left on the disk',
      hint: expect.stringContaining('git theta prune'),
      path: '/x',
    });
    expect(describeFailure(new TypeError('oops'))).toMatchObject({
      code: 'ERR_THETA_INTERNAL',
      message: 'oops',
    });
    expect(describeFailure('text').message).toBe('text');
    expect(describeFailure(undefined).message).toBe('undefined');
  });
});

test('colour follows NO_COLOR, FORCE_COLOR and the terminal', () => {
  const terminal = { isTTY: true };
  expect(usesColour(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
  expect(usesColour({}, { FORCE_COLOR: '1' })).toBe(true);
  expect(usesColour(terminal, { FORCE_COLOR: '0' })).toBe(false);
  expect(usesColour(terminal, { TERM: 'dumb' })).toBe(false);
  expect(usesColour({}, {})).toBe(false);
});

test('the progress line says what was new and what was reused', () => {
  const event = {
    bytes: 3 * 2 ** 29,
    total: 3 * 2 ** 30,
    tensors: 60,
    totalTensors: 111,
    reused: 2 ** 30,
  };
  expect(describeProgress('Adding \u001bmodel.pt', event, 2)).toBe(
    'Adding \\x1bmodel.pt:  50% | 1.50 GiB of 3.00 GiB | 768 MiB/s | 60 of 111 tensors | 512 MiB new, 1.00 GiB reused',
  );
  const nothing = { bytes: 0, total: 0, tensors: 0, totalTensors: 0, reused: 0 };
  expect(describeProgress('Adding', nothing, 1)).toBe('Adding:   0%');
});
