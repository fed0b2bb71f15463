/**
 * The greeting of the long-running filter protocol, version 2.
 *
 * In: git's offer. Out: what we can do of it: clean, smudge, delay. Kept apart from the requests, because git may
 * start a filter and ask nothing: the greeting needs neither the repository nor the native core.
 */
import { ThetaError } from '../errors';
import type { PacketReader, PacketWriter } from '../git/pkt-line';
import type { TransferProgress } from '../lfs/transfer';

/** What the protocol runs on. */
export interface FilterChannel {
  readonly reader: PacketReader;
  readonly writer: PacketWriter;
  /** Where messages for people go. */
  warn(text: string): void;
  /** Shows how far a download is. */
  readonly progress?: StartTransfer | undefined;
}

/** Called at the start of a transfer with what is done. */
export type StartTransfer = (
  label: string,
  quiet: boolean,
) => { onProgress: (progress: TransferProgress) => void; done: () => void };

/** @throws ThetaError `ERR_THETA_PROTOCOL` when the other side is not git, or speaks another version. */
export function handshake({ reader, writer }: FilterChannel): void {
  const greeting = reader.readList() ?? [];
  if (greeting[0] !== 'git-filter-client' || !greeting.includes('version=2')) {
    throw new ThetaError(
      'ERR_THETA_PROTOCOL',
      'this command is started by git, with version 2 of the filter protocol',
    );
  }
  writer.list(['git-filter-server', 'version=2']);
  const offered = reader.readList() ?? [];
  const known = ['capability=clean', 'capability=smudge', 'capability=delay'];
  writer.list(known.filter((capability) => offered.includes(capability)));
}
