/**
 * How checkpoints and their tensors are listed, by each command that lists them.
 *
 * In: what is known of one. Out: its format in words, and the cells of its row. Names pass `visible`.
 */
import { bytes } from './format';
import { visible } from './output';

/** A tensor, as far as its row tells. */
export interface RowTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly hash?: string;
}

/** How the columns of {@link tensorRow} are aligned; those behind them stand left. */
export const TENSOR_COLUMNS = ['left', 'left', 'left', 'right', 'left'] as const;

/** Name, dtype, shape, size and the start of the hash. */
export function tensorRow(tensor: RowTensor): string[] {
  return [
    `  ${visible(tensor.name)}`,
    visible(tensor.dtype),
    `[${tensor.shape.join(', ')}]`,
    bytes(tensor.bytes),
    tensor.hash?.slice(0, 12) ?? '',
  ];
}

/** The format, and why a file is kept whole. */
export function formatCell(format: string, reason: string | undefined): string {
  return reason === undefined ? format : `${format} (${visible(reason)})`;
}
