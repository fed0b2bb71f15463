import { ThetaError } from '../errors';
import type { Repository } from './repository';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** Writes blobs; their oids in the same order. */
export function hashObjects(_repo: Repository, _contents: Uint8Array[]): Promise<string[]> {
  return todo();
}
export interface CatFile {
  spec: string /** null when there is no such object */;
  oid: string | null;
  type: string;
  content: Buffer;
}
/** Objects by any spec of git (`HEAD:a b.pt`, `:0:path`, an oid), in order. `limit`: larger objects come with `content` empty and `tooLarge`. */
export function catFiles(
  _repo: Repository,
  _specs: Iterable<string>,
  _o: { indexFile?: string } = {},
): AsyncGenerator<CatFile, void> {
  return todo();
}
/** One blob or null. */
export function catFile(
  _repo: Repository,
  _spec: string,
  _o: { indexFile?: string } = {},
): Promise<Buffer | null> {
  return todo();
}
