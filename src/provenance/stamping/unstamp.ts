/**
 * Taking a stamp out.
 *
 * In: a file with a stamp of ours. Out: the file that was there before it, byte for byte: its SHA-256 is the one that
 * the stamp recorded. Refused: what target.ts refuses; a file that is another one than was stamped.
 */
import { rm } from 'node:fs/promises';
import * as native from '../../native';
import { changed, noStamp, unsupported, working } from './failures';
import { append } from './in-place';
import { replace } from './pieces';
import { read, sidecarOf } from './read';
import { refuseSignedInside, steady, target, unchanged } from './target';

/** How {@link unstamp} works. */
export interface UnstampOptions {
  /** Find out whether it can be done, and write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Also change links, files with several names, and signed files. */
  readonly force?: boolean | undefined;
  /** Cut the stamp off the file itself, where it was appended, instead of copying the file. */
  readonly inPlace?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link unstamp} did. */
export interface UnstampResult {
  readonly path: string;
  readonly where: 'file' | 'sidecar';
  /** Of the file without a stamp. */
  readonly sha256: string;
}

/**
 * Takes the stamp out of a file, or removes the one beside it.
 *
 * @throws ThetaError `ERR_THETA_PROVENANCE_NO_STAMP`; `ERR_THETA_PROVENANCE_CONTENT` when what would be left is not
 *   what the stamp recorded; `ERR_THETA_PROVENANCE_REFUSED`, `ERR_THETA_PROVENANCE_UNSUPPORTED`,
 *   `ERR_THETA_PROVENANCE_IO`. The file is then as it was.
 */
export function unstamp(path: string, options: UnstampOptions = {}): Promise<UnstampResult> {
  const { signal } = options;
  return working(path, async () => {
    const { report, file } = await read(path);
    const { stamp, where, problems } = report;
    if (problems.length > 0 && where !== 'sidecar') throw unsupported(path, problems.join('; '));
    if (!file || !stamp || !where) throw noStamp(path);
    const recorded = stamp.content?.file_base?.sha256;
    if (where === 'sidecar') {
      const goal = await target(path, true);
      const { whole: sha256 } = await steady(goal, () =>
        native.fileDigests(goal.path, false, { signal }),
      );
      await unchanged(goal);
      if (recorded !== undefined && recorded !== sha256)
        throw changed(path, 'the file is not the one that was stamped');
      if (!options.dryRun) await rm(sidecarOf(path));
      return { path, where, sha256 };
    }
    if (!file.removable) {
      throw unsupported(
        path,
        'the stamp cannot be taken out',
        'Another program wrote the file anew after it was stamped, and kept the stamp as a value.',
      );
    }
    refuseSignedInside(path, file.signed, options.force === true);
    const goal = await target(path, options.force === true);
    const pieces = await steady(goal, () => native.unstampPieces(goal.path));
    const { whole: sha256 } = await steady(goal, () =>
      native.fileDigests(goal.path, true, { signal }),
    );
    await unchanged(goal);
    if (recorded !== sha256)
      throw changed(path, 'without its stamp the file is not the one of before');
    if (options.dryRun) return { path, where, sha256 };
    if (!options.inPlace || !(await append(goal, pieces))) await replace(goal, pieces, options);
    return { path, where, sha256 };
  });
}
