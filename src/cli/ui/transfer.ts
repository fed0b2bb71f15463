/** The progress line of downloads and uploads: objects in the place of tensors. */
import { type Progress, progress } from './progress';

/** How far a transfer is: objects, and their bytes. */
export interface TransferEvent {
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** A running progress line for a transfer. Call `done` when it ends, however it ends. */
export function transferProgress(
  label: string,
  options: { quiet?: boolean | undefined } = {},
): { readonly onProgress: (event: TransferEvent) => void; readonly done: () => void } {
  const line: Progress = progress(label, options);
  return {
    onProgress: ({ bytes, totalBytes }) =>
      line.onProgress({ bytes, total: totalBytes, tensors: 0, totalTensors: 0, reused: 0 }),
    done: line.done,
  };
}
