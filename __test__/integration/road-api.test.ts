import { readFileSync } from 'node:fs';
import {
  compose,
  decompose,
  inspect,
  isThetaError,
  openRepository,
  parseManifest,
  printManifest,
} from '../../src/index';
import { FIXTURES, Scratch } from '../support/scratch';
import { ModelRepository, model, safetensors, values } from './road-model';

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.cleanup());

test.each(['torch2.4/train.pt', 'safetensors/dtypes.safetensors', 'onnx/inline.onnx'])(
  '%s goes through decompose and compose',
  async (name) => {
    const source = `${FIXTURES}/${name}`;
    const store = scratch.path('new', 'store');
    const events: number[] = [];
    const manifest = await decompose(source, {
      store,
      onProgress: ({ bytes }) => events.push(bytes),
    });
    const output = scratch.path('out');
    expect(parseManifest(printManifest(manifest))).toEqual(manifest);
    const bytes = readFileSync(source);
    expect(await compose(printManifest(manifest), { store, output })).toEqual({
      bytes: bytes.length,
    });
    expect(readFileSync(output).equals(bytes)).toBe(true);
    expect(events.length).toBeGreaterThan(0);
    expect(await decompose(bytes, { store })).toEqual(manifest);
    const found = await inspect(source);
    expect(found.tensors.map((tensor) => tensor.name).sort()).toEqual(
      manifest.tensors.map(({ tensor }) => tensor).sort(),
    );
  },
);

test('an aborted signal rejects with its reason', async () => {
  const reason = new Error('enough');
  const work = decompose(Buffer.alloc(10), {
    store: scratch.path('s'),
    signal: AbortSignal.abort(reason),
  });
  await expect(work).rejects.toBe(reason);
});

test('tensors of any commit can be read', async () => {
  const repo = await ModelRepository.create(scratch);
  await repo.theta('track', 'm.safetensors');
  const first = model(2, 100);
  await repo.commit('m.safetensors', first);
  const second = { ...first, 'layer.1.weight': values(100) };
  await repo.commit('m.safetensors', second);
  repo.write('m.safetensors', safetensors({ only: values(3) }));
  await repo.theta('add', 'm.safetensors');

  const { tensor } = await openRepository(repo.dir);
  for (const [rev, tensors] of [
    ['HEAD~1', first],
    ['main', second],
  ] as const) {
    const { dtype, shape, data } = await tensor(rev, 'm.safetensors', 'layer.1.weight');
    expect({ dtype, shape }).toEqual({ dtype: 'float32', shape: [100] });
    expect(data.equals(Buffer.from((tensors['layer.1.weight'] as Float32Array).buffer))).toBe(true);
  }
  expect((await tensor('', 'm.safetensors', 'only')).shape).toEqual([3]);
  for (const [rev, path, name] of [
    ['HEAD', 'm.safetensors', 'none'],
    ['HEAD', 'none', 'layer.0.weight'],
    ['none', 'm.safetensors', 'layer.0.weight'],
  ] as const) {
    const error = await tensor(rev, path, name).catch((caught: unknown) => caught);
    expect(isThetaError(error, 'ERR_THETA_NOT_FOUND')).toBe(true);
  }
});
