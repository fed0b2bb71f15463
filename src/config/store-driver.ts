/**
 * The merge driver of store files: one line of POSIX shell that looks up a result.
 *
 * A merge meets thousands of store files, and git starts their driver once for each: a shell takes
 * 1 ms, node 70 ms. So the driver of the manifest, which git calls first, computes every result
 * and records it; the store driver copies what it finds, and reports a conflict where there is
 * nothing. It starts no other program in the ordinary case.
 *
 * Where a result is recorded, relative to the git directory of the work tree:
 *
 *     theta/merge/<path of the store file>/<oid in ours>-<oid in theirs>
 *
 * The path is the one in the repository (`%P`), the oids are the SHA-256 of the objects that the
 * pointers of both sides name. The content is the pointer of the result, byte for byte. A path is
 * a folder of its own, so no two files of a merge can meet, whatever they contain.
 *
 * Results are valid for one merge base only. Whoever records them first removes
 * `theta/merge/<store root>`, and removes it again when the merge ends.
 */
import { join } from 'node:path';

/**
 * The command. git replaces `%A` and `%B` by names of temporary files that need no quotes, and
 * `%P` by the quoted path. Drivers run in the root of the work tree; `GIT_DIR` is set only when the
 * user has set it, so `.git` is tried first and git is asked where that is a file (a linked work
 * tree, a submodule). A pointer has three lines: version, `oid sha256:…`, size.
 */
export const STORE_DRIVER = [
  '{ read -r v; read -r k a; } <%A',
  '{ read -r v; read -r k b; } <%B',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expansion of the shell
  'd=${GIT_DIR:-.git}',
  '{ [ -d "$d/theta/merge" ] || d=$(git rev-parse --git-dir); }',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expansion of the shell
  'r=$d/theta/merge/%P/${a#sha256:}-${b#sha256:}',
  '[ -f "$r" ]',
  'while IFS= read -r l; do echo "$l"; done <"$r" >%A',
].join(' && ');

/** Where the result of a store file is recorded; `gitDir` is that of the work tree, not the common one. */
export function mergeResultPath(
  gitDir: string,
  path: string,
  oursOid: string,
  theirsOid: string,
): string {
  return join(gitDir, 'theta', 'merge', path, `${oursOid}-${theirsOid}`);
}
