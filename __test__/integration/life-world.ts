// One installed git-theta and one repository with a history, copied for every test of a file.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Scratch, type ScratchOptions } from '../support/scratch';
import { ModelRepository, model, safetensors, type Tensors, values } from './road-model';

export const MODEL = 'models/model.safetensors';
export const ROOT = `.git_theta/${MODEL}`;

/** A history: `main` with three versions of the model, and `side`, on the first of them, with two. */
export interface History {
  readonly main: readonly [Buffer, Buffer, Buffer];
  readonly side: readonly [Buffer, Buffer];
  /** Both branches' changes. */
  readonly merged: Buffer;
  readonly tensors: Tensors;
}

/** The paths of a store that one changed tensor changes, with the model itself. */
export const changedBy = (...layers: number[]): string[] => [
  ...layers.flatMap((n) => [
    `${ROOT}/layer.${n}.weight/c.0`,
    `${ROOT}/layer.${n}.weight/zarr.json`,
  ]),
  MODEL,
];

export class World {
  private copies = 0;

  private constructor(
    readonly scratch: Scratch,
    readonly template: ModelRepository,
    readonly history: History,
  ) {}

  static async create(options: ScratchOptions = {}): Promise<World> {
    const scratch = new Scratch(options);
    const repo = await ModelRepository.create(scratch, 'template');
    await repo.theta('track', MODEL);
    const first = model();
    const next = (tensors: Tensors, layer: number): Tensors => ({
      ...tensors,
      [`layer.${layer}.weight`]: values(4096),
    });
    const second = next(first, 1);
    const third = next(second, 2);
    const left = next(first, 4);
    const right = next(left, 5);
    const main: Buffer[] = [];
    for (const version of [first, second, third]) main.push(await repo.commit(MODEL, version));
    await repo.git('checkout', '--quiet', '-b', 'side', 'main~2');
    const side: Buffer[] = [];
    for (const version of [left, right]) side.push(await repo.commit(MODEL, version));
    await repo.git('checkout', '--quiet', 'main');
    const both = { ...third };
    for (const name of ['layer.4.weight', 'layer.5.weight'])
      both[name] = right[name] as Float32Array;
    const history = { main, side, merged: safetensors(both), tensors: third };
    return new World(scratch, repo, history as unknown as History);
  }

  /** A repository of its own with the template's history, on `main`. */
  async repo(): Promise<ModelRepository> {
    this.copies += 1;
    const dir = this.scratch.path(`copy${this.copies}`);
    execFileSync('cp', ['-a', this.template.dir, dir]);
    const repo = new ModelRepository(this.scratch, dir);
    // The copy's inodes are new to its index.
    await repo.git('update-index', '-q', '--refresh');
    return repo;
  }

  /** Forgets the copies, to keep the disk small. */
  clear(): void {
    for (; this.copies > 0; this.copies -= 1) {
      rmSync(this.scratch.path(`copy${this.copies}`), { recursive: true, force: true });
    }
  }

  cleanup(): void {
    this.scratch.cleanup();
  }
}

/** Bytes of a model, nothing to commit, everything of ours in order. */
export async function settled(
  repo: ModelRepository,
  contents: Record<string, Uint8Array>,
): Promise<void> {
  for (const [path, content] of Object.entries(contents)) {
    expect({ path, same: repo.read(path).equals(content) }).toEqual({ path, same: true });
  }
  expect(await repo.status()).toEqual([]);
  await repo.sound();
}

/** The same, and a clone that git makes by itself has the same bytes. */
export async function settledInClone(
  repo: ModelRepository,
  contents: Record<string, Uint8Array>,
  name: string,
): Promise<ModelRepository> {
  await settled(repo, contents);
  const dir = await repo.scratch.clone(`file://${repo.dir}`, name);
  const clone = new ModelRepository(repo.scratch, dir);
  await settled(clone, contents);
  return clone;
}
