// Opens the arrays that `write_store` wrote with zarrita and compares every byte.
//
//     npm install zarrita @zarrita/storage
//     node check_store.mjs DIR
//
// Exit status 1 says that it returned wrong bytes; it may refuse a type.
import fs from 'node:fs';
import path from 'node:path';
import FileSystemStore from '@zarrita/storage/fs';
import * as zarr from 'zarrita';

const root = path.resolve(process.argv[2]);
const counts = {};
const wrong = [];
for (const name of fs.readdirSync(root).sort()) {
  const dir = path.join(root, name);
  if (!fs.statSync(dir).isDirectory()) continue;
  const type = JSON.parse(fs.readFileSync(path.join(dir, 'zarr.json'), 'utf8')).data_type;
  counts[type] ??= { same: 0, refused: 0, wrong: 0 };
  const count = counts[type];
  let bytes;
  try {
    const array = await zarr.open(new FileSystemStore(dir), { kind: 'array' });
    const result = await zarr.get(array);
    bytes = array.shape.length ? cOrder(result) : scalar(result, type);
  } catch (error) {
    count.refused += 1;
    count.why = String(error).slice(0, 90);
    continue;
  }
  if (bytes.equals(fs.readFileSync(path.join(root, `${name}.bin`)))) {
    count.same += 1;
  } else {
    count.wrong += 1;
    wrong.push(name);
  }
}
for (const [type, count] of Object.entries(counts))
  console.log(type.padEnd(16), JSON.stringify(count));
for (const name of wrong) console.log('WRONG', name);
process.exit(wrong.length ? 1 : 0);

// A 0-d array comes as one value.
function scalar(value, type) {
  const name = type === 'bool' ? 'Uint8' : `${type[0].toUpperCase()}${type.slice(1)}`;
  const array = type.endsWith('int64') ? `Big${name}Array` : `${name}Array`;
  return Buffer.from(globalThis[array].of(value).buffer);
}

// Other results may be in any order of the axes.
function cOrder({ data, shape, stride }) {
  if (data.constructor.name === 'BoolArray')
    data = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const length = shape.reduce((a, b) => a * b, 1);
  let next = length;
  const plain = shape.every((extent, axis) => {
    next /= extent;
    return extent === 1 || stride[axis] === next;
  });
  let out = data;
  if (!plain && length > 0) {
    out = new data.constructor(length);
    const index = shape.map(() => 0);
    for (let i = 0, at = 0; i < length; i++) {
      out[i] = data[at];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += stride[axis];
        if (++index[axis] < shape[axis]) break;
        at -= stride[axis] * shape[axis];
        index[axis] = 0;
      }
    }
  }
  return Buffer.from(out.buffer, out.byteOffset, out.byteLength);
}
