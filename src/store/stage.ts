import { ThetaError } from '../errors';
import type { Repository } from '../git/repository';
import type { Manifest } from '../manifest/types';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
export interface StageOptions {
  indexFile?: string | undefined /** Also link the files into the work tree. */;
  workTree: boolean /** Script that answers git; for tests. */;
  answer?: string;
}
export interface StageResult {
  added: number;
  replaced: number;
  removed: number;
  unchanged: number /** How work-tree files came about. */;
  linked: number;
  copied: number;
}
export function stageStore(
  _repo: Repository,
  _modelPath: string,
  _manifest: Manifest | null,
  _o: StageOptions,
): Promise<StageResult> {
  return todo();
}
