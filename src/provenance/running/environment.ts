/**
 * What a command learns of the code that it is run with.
 *
 * In: the environment, the state of the code, when the run started. Out: the environment of the command, with
 * `GIT_THETA_GIT_COMMIT`, `GIT_THETA_GIT_BRANCH` and `GIT_THETA_GIT_DIRTY`, which also the readers of states know where
 * there is no repository, and `GIT_THETA_PROVENANCE_CODE_TREE` and `GIT_THETA_PROVENANCE_STARTED`. What is not known is
 * not set, whatever was set before.
 */
import type { GitState } from '../stamp';

/** The environment of a command. */
export function environmentOf(
  state: GitState,
  started: string,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const known: Record<string, string | null> = {
    GIT_THETA_GIT_COMMIT: state.commit,
    GIT_THETA_GIT_BRANCH: state.branch,
    // Without a commit there is nothing to differ from.
    GIT_THETA_GIT_DIRTY: state.commit === null ? null : state.code_dirty ? '1' : '0',
    GIT_THETA_PROVENANCE_CODE_TREE: state.code_tree,
    GIT_THETA_PROVENANCE_STARTED: started,
  };
  const result = { ...env };
  for (const [name, value] of Object.entries(known)) {
    if (value === null) delete result[name];
    else result[name] = value;
  }
  return result;
}
