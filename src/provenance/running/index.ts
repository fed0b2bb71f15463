/** Running a command with committed code. */
export { EXIT_REFUSED, type RunOptions, type RunReport, run } from './run';
export type { RunFile } from './stamper';
