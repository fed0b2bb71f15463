// The oracles read what the frameworks wrote, and see a handmade Zarr array the same way.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { torchPython } from '../support/env';
import { safetensorsFile, tensorStore, torchLoad, zarrPython } from '../support/readers';
import { FIXTURES, Scratch } from '../support/scratch';

const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'));
const tensorsOf = (name: string) => expected[name].tensors;

test.each(['t5ish', 'bf16', 'dtypes', 'empty', 'unpadded_null_metadata'])(
  'the safetensors library reads %s.safetensors',
  async (name) => {
    const file = `safetensors/${name}.safetensors`;
    expect(await safetensorsFile(join(FIXTURES, file))).toEqual(tensorsOf(file));
  },
);

(torchPython() ? test : test.skip).each([
  ['torch/t5ish.pt', false],
  ['torch/views.pt', false],
  ['torch/scalars_and_empty.pt', false],
  ['torch1.13/train.pt', true],
])('torch reads %s', async (file, trusted) => {
  expect(await torchLoad(join(FIXTURES, file), { trusted })).toEqual(tensorsOf(file));
});

test('zarr-python and TensorStore agree on handmade arrays', async () => {
  const scratch = new Scratch();
  const array = (dir: string, dataType: string, fill: unknown, attributes: object) => {
    const meta = {
      zarr_format: 3,
      node_type: 'array',
      shape: [2, 3],
      data_type: dataType,
      chunk_grid: { name: 'regular', configuration: { chunk_shape: [1, 3] } },
      chunk_key_encoding: { name: 'default', configuration: { separator: '.' } },
      fill_value: fill,
      codecs: [{ name: 'bytes', configuration: { endian: 'little' } }],
      attributes,
    };
    mkdirSync(scratch.path(dir), { recursive: true });
    writeFileSync(scratch.path(dir, 'zarr.json'), JSON.stringify(meta));
  };
  const named = (name: string) => ({ 'git-theta': { name } });
  const row = Buffer.from('000102030405', 'hex');
  array('model/a', 'bfloat16', '0x3f80', named('layer/a'));
  writeFileSync(scratch.path('model/a/c.1.0'), row);
  array('model/b', 'int16', 0, named('layer/b'));
  writeFileSync(scratch.path('model/b/c.0.0'), row);
  array('model/cut', 'int16', 0, named('cut short'));
  writeFileSync(scratch.path('model/cut/c.0.0'), row.subarray(1));
  array('model/other', 'int16', 0, {});

  const digest = (dtype: string, ...rows: Buffer[]) => ({
    dtype,
    shape: [2, 3],
    sha256: createHash('sha256').update(Buffer.concat(rows)).digest('hex'),
  });
  for (const reader of [zarrPython, tensorStore]) {
    expect(await reader(scratch.dir)).toEqual({
      'layer/a': digest('bfloat16', Buffer.from('803f803f803f', 'hex'), row),
      'layer/b': digest('int16', row, Buffer.alloc(6)),
      'cut short': { error: expect.any(String) },
    });
  }
  scratch.cleanup();
});
