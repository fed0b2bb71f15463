/**
 * What the content of a checkpoint is: hashes of its tensors, and of the file without its stamp.
 *
 * In: a file and what the core told of it. Out: the part `content` of a stamp. Every byte is read: nothing that was
 * known before is trusted. The file's SHA-256 and the tensors are hashed at the same time, and none of it on this thread.
 */
import * as native from '../../native';
import type { Content } from '../stamp';

/** How content is computed. */
export interface ContentOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: native.ProgressEvent) => void) | undefined;
}

/** Where the data of a safetensors file begin, in what a stamp records of it. */
function dataOf(format: string, base: native.StampReport['base']): number | undefined {
  const header = base?.header;
  return format === 'safetensors' && typeof header === 'number' ? 8 + header : undefined;
}

/** The content of a file as it would be without a stamp. */
export async function contentOf(
  path: string,
  file: native.StampReport,
  size: number,
  options: ContentOptions = {},
): Promise<Content> {
  const { removable, base, format } = file;
  const from = dataOf(format, base);
  const [digest, tensors] = await Promise.all([
    native.fileDigests(path, removable, { signal: options.signal, from }),
    native.contentHash(path, options),
  ]);
  const root = tensors.model;
  return {
    ...(root === null
      ? {}
      : {
          tensor_root: {
            algo: 'git-theta-content-1' as const,
            scope: 'model' as const,
            value: root,
          },
          ...(tensors.all !== null && tensors.all !== root ? { tensor_root_all: tensors.all } : {}),
        }),
    ...(digest.rest === null
      ? {}
      : { aliases: { autov3: digest.rest, sshs_model_hash: digest.rest } }),
    file_base: { ...(base ?? { length: size }), sha256: digest.whole },
  };
}
