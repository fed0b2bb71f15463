// Reads git-theta's arrays below a directory with zarrita. Prints what digest.py describes.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as zarr from 'zarrita';

const store = (dir) => ({
  async get(key) {
    const path = join(dir, key);
    return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
  },
});

/** The elements in C order. */
function contiguous({ data, shape, stride }) {
  // Some types of zarrita's own are arrays in all but name.
  const out = data.constructor.from ? new data.constructor(data.length) : undefined;
  const bytes = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let expected = 1;
  let plain = true;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    plain &&= shape[axis] === 1 || stride[axis] === expected;
    expected *= shape[axis];
  }
  if (plain) return bytes(data);
  if (!out) throw new Error('not in C order');
  const index = shape.map(() => 0);
  for (let at = 0; at < data.length; at += 1) {
    out[at] = data[index.reduce((sum, value, axis) => sum + value * stride[axis], 0)];
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis] += 1;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return bytes(out);
}

async function read(dir) {
  const array = await zarr.open.v3(store(dir), { kind: 'array' });
  const chunk = array.shape.length === 0 ? await array.getChunk([]) : await zarr.get(array);
  return contiguous(chunk);
}

const found = {};
for (const entry of readdirSync(process.argv[2], { recursive: true, withFileTypes: true })) {
  if (entry.name !== 'zarr.json') continue;
  const meta = JSON.parse(readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  const name = meta.attributes?.['git-theta']?.name;
  if (meta.node_type !== 'array' || name === undefined) continue;
  if (name in found) throw new Error(`two arrays are named ${name}`);
  try {
    const sha256 = createHash('sha256')
      .update(await read(entry.parentPath))
      .digest('hex');
    found[name] = { dtype: meta.data_type, shape: meta.shape, sha256 };
  } catch (error) {
    found[name] = { error: String(error) };
  }
}
console.log(JSON.stringify(found));
