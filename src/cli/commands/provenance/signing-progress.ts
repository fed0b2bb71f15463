/** The progress line of hashing a model's files, which has no tensors to count. */
import type { SigningProgress } from '../../../provenance/signing';
import { type Progress, progress } from '../../ui/progress';

/** Starts a progress line; call `done` when the work ends, however it ends. */
export function signingProgress(
  label: string,
  quiet: boolean,
): Pick<Progress, 'done'> & { readonly onProgress: (event: SigningProgress) => void } {
  const line = progress(label, { quiet });
  return {
    done: line.done,
    onProgress: (event) => line.onProgress({ ...event, tensors: 0, totalTensors: 0, reused: 0 }),
  };
}
