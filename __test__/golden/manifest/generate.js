/**
 * Writes the golden vectors of the manifest: valid texts, and a table of texts that must be refused.
 *
 * Run by hand after a change of the format: `node __test__/golden/manifest/generate.js`. The texts are spelled out here
 * and not made by the printer, so that printer and parser are both tested against them.
 */
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');

const H = (n) => n.toString(16).padStart(64, '0');
const O = (n, size = 100 + n) => `"${H(n)}:${size}"`;
const records = (...lines) => `${lines.join('\n\n')}\n`;

const header = '{"git-theta":1,"format":"torch-zip"}';
const skeleton = `{"skeleton":{"size":18231,"hash":"${H(1)}","chunks":[${O(2)}],"meta":${O(3)}}}`;
const stamped = `{"stamped":{"size":18900,"hash":"${H(6)}","chunks":[${O(7)}],"meta":${O(8)},"of":"${H(9)}"}}`;
const root = `{"group":"","meta":${O(4)}}`;
const group = (name, n) => `{"group":"${name}","meta":${O(n)}}`;
const tensor = (name, dtype, shape, rest) =>
  `{"tensor":"${name}","dtype":"${dtype}","shape":[${shape}],${rest}}`;
const chunks = (h, ...list) =>
  `"hash":"${H(h)}","chunks":[${list.map((n) => O(n))}],"meta":${O(h + 1)}`;
const fill = (h, bits) => `"hash":"${H(h)}","fill":"${bits}","meta":${O(h + 1)}`;
const head = [header, skeleton, root];

const valid = {
  empty: records(...head),
  'one-tensor': records(...head, tensor('weight', 'float32', '4,3', chunks(10, 12))),
  stamped: records(
    header,
    skeleton,
    stamped,
    root,
    tensor('weight', 'float32', '4,3', chunks(10, 12)),
  ),
  tree: records(
    ...head,
    group('a', 20),
    group('a/b', 21),
    tensor('a', 'int8', '2', chunks(30, 32)),
    tensor('a/b/c', 'float64', '2,2', chunks(40, 42)),
    tensor('a/d', 'bfloat16', '', fill(50, '0x3f80')),
  ),
  fills: records(
    ...head,
    tensor('a', 'bool', '3', fill(10, '0x01')),
    tensor('b', 'bool', '3', chunks(20, 22)),
    tensor('c', 'bool', '', chunks(30, 32)),
    tensor('d', 'complex128', '2', fill(40, `0x${'0'.repeat(15)}1${'f'.repeat(16)}`)),
    tensor('e', 'complex32', '2', fill(50, '0x7f')),
    tensor('f', 'float4_e2m1fn', '8', fill(60, '0x22')),
    tensor('g', 'float32', '0,4', fill(70, '0x00000000')),
    tensor('step', 'int64', '', fill(80, '0x0000000000000007')),
  ),
  order: records(
    ...head,
    tensor('t', 'float32', '4,3', `"order":[1,0],${chunks(10, 12)}`),
    tensor('u', 'float32', '4,1,3', `"order":[2,1,0],${chunks(20, 22)}`),
  ),
  'same-and-view': records(
    ...head,
    `{"storage":"x","size":64,"hash":"${H(90)}","chunks":[${O(91)}],"meta":${O(92)}}`,
    `{"storage":"y","size":64,"hash":"${H(95)}","fill":"0xff","meta":${O(96)}}`,
    tensor('base', 'float32', '3,4', chunks(10, 12)),
    tensor(
      'row',
      'float32',
      '6',
      `"hash":"${H(20)}","view":{"of":"base","offset":6,"strides":[1]}`,
    ),
    tensor('row2', 'float32', '6', `"hash":"${H(20)}","same":"row"`),
    tensor('tied', 'float32', '3,4', `"hash":"${H(10)}","same":"base"`),
    tensor('x', 'int64', '8', `"hash":"${H(30)}","view":{"storage":"x","offset":0,"strides":[1]}`),
    tensor('z', 'int8', '64', `"hash":"${H(31)}","view":{"storage":"x","offset":63,"strides":[0]}`),
  ),
  names: records(
    ...head,
    group('\\"', 5),
    tensor('', 'int8', '2', chunks(10, 12)),
    tensor('\\u0000\\u001f\\b\\t\\n\\f\\r', 'int8', '2', chunks(20, 22)),
    tensor('\\"/\\\\', 'int8', '2', chunks(30, 32)),
    tensor('Z', 'int8', '2', chunks(40, 42)),
    tensor('a%2Fb', 'int8', '2', chunks(50, 52)),
    tensor('\u007f', 'int8', '2', chunks(60, 62)),
    tensor('\u2028', 'int8', '2', chunks(70, 72)),
    tensor('\uffee', 'int8', '2', chunks(80, 82)),
    tensor('\u{10000}', 'int8', '2', chunks(90, 92)),
  ),
  'many-chunks': records(
    ...head,
    tensor('big', 'float32', '32128,512', chunks(10, 12, 13, 14, 15)),
    tensor(
      'wide',
      'float32',
      '2,3,4194305',
      chunks(20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33),
    ),
  ),
  opaque: records(
    '{"git-theta":1,"format":"opaque","reason":"not a known format"}',
    `{"pieces":[${O(2)},${O(3, 9007199254740991)}]}`,
  ),
  'opaque-empty': records(
    '{"git-theta":1,"format":"opaque","reason":"the file is empty"}',
    '{"pieces":[]}',
  ),
};

const good = tensor('w', 'float32', '4,3', chunks(10, 12));
const one = (line) => records(...head, line);
const two = (a, b) => records(...head, a, b);
const tied = (rest) => two(good, `{"tensor":"x","dtype":"float32","shape":[4,3],${rest}}`);
const view = (text, shape = '6') =>
  two(good, tensor('x', 'float32', shape, `"hash":"${H(20)}","view":${text}`));

const invalid = [
  ['no text', '', 1, 'json'],
  ['not JSON', 'PK\u0003\u0004\n', 1, 'json'],
  ['no header', records(skeleton, root), 1, 'header'],
  ['byte order mark', `\ufeff${valid['one-tensor']}`, 1, 'json'],
  ['version 2', records('{"git-theta":2,"format":"torch-zip"}'), 1, 'version'],
  ['version as text', records('{"git-theta":"1","format":"torch-zip"}'), 1, 'version'],
  ['unknown key in the header', records('{"git-theta":1,"format":"x","tool":"y"}'), 1, 'key'],
  ['no format', records('{"git-theta":1}'), 1, 'header'],
  ['reason without opaque', records('{"git-theta":1,"format":"x","reason":"y"}'), 1, 'header'],
  ['opaque without reason', records('{"git-theta":1,"format":"opaque"}'), 1, 'header'],
  ['keys of the header swapped', records('{"format":"x","git-theta":1}'), 1, 'canonical'],
  ['only a header', records(header), 1, 'sequence'],
  ['no root group', records(header, skeleton), 5, 'groups'],
  [
    'opaque with a skeleton',
    records('{"git-theta":1,"format":"opaque","reason":"y"}', skeleton, root),
    5,
    'sequence',
  ],
  ['pieces without opaque', records(header, '{"pieces":[]}', root), 5, 'sequence'],
  ['second header', records(header, header), 3, 'sequence'],
  ['second skeleton', records(header, skeleton, skeleton), 5, 'sequence'],
  ['second stamped skeleton', records(header, skeleton, stamped, stamped), 7, 'sequence'],
  ['stamped before skeleton', records(header, stamped, skeleton), 5, 'sequence'],
  ['stamped without skeleton', records(header, stamped, root), 5, 'sequence'],
  [
    'stamped and opaque',
    records('{"git-theta":1,"format":"opaque","reason":"y"}', '{"pieces":[]}', stamped),
    5,
    'sequence',
  ],
  [
    'stamped as the skeleton',
    records(header, skeleton, stamped.replace(H(6), H(1)), root),
    5,
    'stamped',
  ],
  [
    'stamped with two chunks',
    records(header, skeleton, stamped.replace(O(7), `${O(7)},${O(9)}`), root),
    5,
    'chunks',
  ],
  [
    'a line behind stamped',
    records(header, skeleton, stamped, root, tensor('a', 'float33', '2', chunks(10, 12))),
    9,
    'dtype',
  ],
  [
    'stamped that does not say of what',
    records(header, skeleton, stamped.replace(`,"of":"${H(9)}"`, ''), root),
    5,
    'key',
  ],
  ['stamped of no hash', records(header, skeleton, stamped.replace(H(9), 'x'), root), 5, 'hash'],
  [
    'of, in a skeleton',
    records(header, skeleton.replace('}}', `,"of":"${H(9)}"}}`), root),
    3,
    'key',
  ],
  ['no root group behind stamped', records(header, skeleton, stamped), 7, 'groups'],
  ['tensor before group', records(header, skeleton, good, root), 7, 'sequence'],
  ['unknown record', one('{"blob":"x"}'), 7, 'record'],
  ['list as record', one('[]'), 7, 'value'],
  ['null as record', one('null'), 7, 'value'],
  [
    'number in a string position',
    one(`{"tensor":5,"dtype":"int8","shape":[2],${chunks(10, 12)}}`),
    7,
    'value',
  ],
  ['unknown key', one(good.replace('"shape"', '"count":1,"shape"')), 7, 'key'],
  ['missing key', one(good.replace('"dtype":"float32",', '')), 7, 'key'],
  ['__proto__', one(good.replace('"shape"', '"__proto__":1,"shape"')), 7, 'key'],
  [
    'keys out of order',
    one(good.replace('"dtype":"float32","shape":[4,3]', '"shape":[4,3],"dtype":"float32"')),
    7,
    'canonical',
  ],
  ['key twice', one(good.replace('"dtype"', '"dtype":"int8","dtype"')), 7, 'canonical'],
  ['white space', one(good.replace('[4,3]', '[4, 3]')), 7, 'canonical'],
  ['white space at the end', one(`${good} `), 7, 'canonical'],
  ['carriage returns', valid['one-tensor'].replaceAll('\n', '\r\n'), 1, 'canonical'],
  ['number with a point', one(good.replace('[4,3]', '[4.0,3]')), 7, 'canonical'],
  ['number with an exponent', one(good.replace('[4,3]', '[4e0,3]')), 7, 'canonical'],
  ['minus zero', one(tensor('w', 'float32', '-0', fill(10, '0x00000000'))), 7, 'canonical'],
  ['needless escape', one(good.replace('"w"', '"\\u0077"')), 7, 'canonical'],
  ['escaped slash', one(good.replace('"w"', '"\\/"')), 7, 'canonical'],
  ['escape in upper case', one(good.replace('"w"', '"\\u001F"')), 7, 'canonical'],
  ['escape without short form', one(good.replace('"w"', '"\\u000a"')), 7, 'canonical'],
  ['half a surrogate pair', one(good.replace('"w"', '"\\ud800"')), 7, 'value'],
  ['negative extent', one(good.replace('[4,3]', '[-4,3]')), 7, 'value'],
  ['fraction', one(good.replace('[4,3]', '[4.5,3]')), 7, 'value'],
  ['integer over 2^53 - 1', one(good.replace('[4,3]', '[9007199254740992]')), 7, 'value'],
  ['too large to be counted', one(good.replace('[4,3]', '[9007199254740991]')), 7, 'shape'],
  ['unknown dtype', one(good.replace('float32', 'float31')), 7, 'dtype'],
  ['hash in upper case', one(good.replace(H(10), 'A'.repeat(64))), 7, 'hash'],
  ['short hash', one(good.replace(`"${H(10)}"`, '"00"')), 7, 'hash'],
  ['object without size', one(good.replace(O(12), `"${H(12)}"`)), 7, 'object'],
  ['object of no bytes', one(good.replace(O(12), O(12, 0))), 7, 'object'],
  ['object with a leading zero', one(good.replace(O(12), O(12, '0112'))), 7, 'object'],
  ['object over 2^53 - 1', one(good.replace(O(12), O(12, '9007199254740992'))), 7, 'object'],
  ['chunks too many', one(tensor('w', 'float32', '4,3', chunks(10, 12, 13))), 7, 'chunks'],
  ['chunks too few', one(tensor('w', 'float32', '32128,512', chunks(10, 12, 13, 14))), 7, 'chunks'],
  ['chunks of one element', one(tensor('w', 'float32', '1', chunks(10, 12))), 7, 'fill'],
  [
    'chunks of no element',
    one(tensor('w', 'float32', '0', `"hash":"${H(10)}","chunks":[],"meta":${O(11)}`)),
    7,
    'fill',
  ],
  [
    'skeleton with two chunks',
    records(header, skeleton.replace(O(2), `${O(2)},${O(9)}`), root),
    3,
    'chunks',
  ],
  ['skeleton of no bytes', records(header, skeleton.replace('18231', '0'), root), 3, 'value'],
  [
    'chunks and fill',
    one(
      tensor(
        'w',
        'float32',
        '2',
        `"hash":"${H(10)}","chunks":[${O(12)}],"fill":"0x00000000","meta":${O(11)}`,
      ),
    ),
    7,
    'key',
  ],
  [
    'neither chunks nor fill',
    one(tensor('w', 'float32', '2', `"hash":"${H(10)}","meta":${O(11)}`)),
    7,
    'key',
  ],
  ['no meta', one(tensor('w', 'float32', '2', `"hash":"${H(10)}","fill":"0x00000000"`)), 7, 'key'],
  ['fill too wide', one(tensor('w', 'float32', '2', fill(10, '0x0000000000'))), 7, 'fill'],
  ['fill in upper case', one(tensor('w', 'float32', '2', fill(10, '0x3F800000'))), 7, 'fill'],
  ['fill of bool', one(tensor('w', 'bool', '2', fill(10, '0x02'))), 7, 'fill'],
  ['fill of an empty tensor', one(tensor('w', 'int8', '0', fill(10, '0x01'))), 7, 'fill'],
  ['order is no permutation', one(good.replace('"hash"', '"order":[1,1],"hash"')), 7, 'order'],
  ['order of another rank', one(good.replace('"hash"', '"order":[1,0,2],"hash"')), 7, 'order'],
  ['order is C order', one(good.replace('"hash"', '"order":[0,1],"hash"')), 7, 'order'],
  [
    'order moves an axis of 1',
    one(tensor('w', 'int8', '4,1', `"order":[1,0],${chunks(10, 12)}`)),
    7,
    'order',
  ],
  ['names out of order', two(good, good.replace('"w"', '"v"')), 9, 'sorted'],
  ['name twice', two(good, good), 9, 'sorted'],
  [
    'names in UTF-16 order',
    two(good.replace('"w"', '"\u{10000}"'), good.replace('"w"', '"\uffee"')),
    9,
    'sorted',
  ],
  ['groups out of order', records(header, skeleton, group('a', 5), root), 7, 'sorted'],
  ['group without a tensor', records(...head, group('a', 5)), 7, 'groups'],
  ['group is missing', one(good.replace('"w"', '"a/w"')), 5, 'groups'],
  ['same names nothing', tied(`"hash":"${H(10)}","same":"v"`), 9, 'same'],
  ['same names itself', tied(`"hash":"${H(10)}","same":"x"`), 9, 'same'],
  ['same with another hash', tied(`"hash":"${H(11)}","same":"w"`), 9, 'same'],
  [
    'same with another shape',
    tied(`"hash":"${H(10)}","same":"w"`).replace(
      `"shape":[4,3],"hash":"${H(10)}","same"`,
      `"shape":[3,4],"hash":"${H(10)}","same"`,
    ),
    9,
    'same',
  ],
  [
    'same of a same',
    records(
      ...head,
      good,
      ...['x', 'y'].map(
        (n, i) =>
          `{"tensor":"${n}","dtype":"float32","shape":[4,3],"hash":"${H(10)}","same":"${['w', 'x'][i]}"}`,
      ),
    ),
    11,
    'same',
  ],
  ['same and meta', tied(`"hash":"${H(10)}","same":"w","meta":${O(5)}`), 9, 'key'],
  [
    'same and order',
    two(
      good,
      `{"tensor":"x","dtype":"float32","shape":[4,3],"order":[1,0],"hash":"${H(10)}","same":"w"}`,
    ),
    9,
    'order',
  ],
  ['view of nothing', view('{"of":"v","offset":0,"strides":[1]}'), 9, 'view'],
  ['view of no storage', view('{"storage":"v","offset":0,"strides":[1]}'), 9, 'view'],
  ['view of itself', view('{"of":"x","offset":0,"strides":[1]}'), 9, 'view'],
  ['view of both', view('{"of":"w","storage":"w","offset":0,"strides":[1]}'), 9, 'key'],
  ['view without strides', view('{"of":"w","offset":0}'), 9, 'value'],
  ['view of another rank', view('{"of":"w","offset":0,"strides":[1,1]}'), 9, 'view'],
  ['view beyond the end', view('{"of":"w","offset":7,"strides":[1]}'), 9, 'view'],
  ['negative stride', view('{"of":"w","offset":7,"strides":[-1]}'), 9, 'value'],
  [
    'storage without bytes',
    one(`{"storage":"s","size":0,"hash":"${H(9)}","fill":"0x00","meta":${O(8)}}`),
    7,
    'value',
  ],
  [
    'storage with a wide fill',
    one(`{"storage":"s","size":4,"hash":"${H(9)}","fill":"0x0000","meta":${O(8)}}`),
    7,
    'fill',
  ],
  [
    'storage of one byte with a chunk',
    one(`{"storage":"s","size":1,"hash":"${H(9)}","chunks":[${O(7)}],"meta":${O(8)}}`),
    7,
    'fill',
  ],
  [
    'opaque with a group',
    records('{"git-theta":1,"format":"opaque","reason":"y"}', '{"pieces":[]}', root),
    5,
    'sequence',
  ],
  [
    'opaque with a tensor',
    records('{"git-theta":1,"format":"opaque","reason":"y"}', '{"pieces":[]}', root, good),
    7,
    'sequence',
  ],
  ['no empty line', `${[...head, good].join('\n')}\n`, 2, 'line'],
  ['two empty lines', valid['one-tensor'].replace('\n\n', '\n\n\n'), 3, 'json'],
  ['empty line at the end', `${valid['one-tensor']}\n`, 8, 'line'],
  ['no newline at the end', valid['one-tensor'].slice(0, -1), 7, 'line'],
  [
    'conflict at a record',
    valid['one-tensor'].replace(
      good.replace('"w"', '"weight"'),
      `<<<<<<< HEAD\n${good}\n=======\n${good}\n>>>>>>> x`,
    ),
    7,
    'conflict',
  ],
  [
    'conflict at an empty line',
    records(...head).replace(/\n\n/, '\n<<<<<<< ours\n'),
    2,
    'conflict',
  ],
  ['conflict in diff3 style', `${records(...head)}||||||| base\n`, 6, 'conflict'],
].map(([what, text, line, rule]) => ({ what, text, line, rule }));

for (const [name, text] of Object.entries(valid))
  writeFileSync(join(__dirname, `${name}.theta`), text);
writeFileSync(join(__dirname, 'invalid.json'), `${JSON.stringify(invalid, null, 2)}\n`);
