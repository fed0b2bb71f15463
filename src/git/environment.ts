/**
 * Which of git's variables a child may see.
 *
 * Git sets variables for the hooks and filters that it starts. Handing them on blindly makes a command work on another
 * repository or another index than its caller thinks, so a child gets none of them unless they are asked for.
 */

export type Environment = Record<string, string | undefined>;

/** Say which repository is meant: kept together with a repository that was found through them. */
const REPOSITORY = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_COMMON_DIR',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_SHALLOW_FILE',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_CEILING_DIRECTORIES',
  'GIT_DISCOVERY_ACROSS_FILESYSTEM',
] as const;

/** Say how one command works: never handed on. */
const COMMAND = [
  'GIT_INDEX_FILE',
  'GIT_PREFIX',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_LITERAL_PATHSPECS',
  'GIT_GLOB_PATHSPECS',
  'GIT_NOGLOB_PATHSPECS',
  'GIT_ICASE_PATHSPECS',
  'GIT_EXTERNAL_DIFF',
  'GIT_DIFF_OPTS',
  'GIT_CONFIG',
] as const;

/** Discovery's own settings are harmless and stay. */
const HARMLESS = new Set<string>(['GIT_CEILING_DIRECTORIES', 'GIT_DISCOVERY_ACROSS_FILESYSTEM']);

/** The caller's variables without those that tie a command to a repository, an index or a folder. */
export function cleanEnvironment(from: Environment = process.env): Environment {
  const result: Environment = { ...from };
  for (const key of [...REPOSITORY, ...COMMAND]) if (!HARMLESS.has(key)) delete result[key];
  return result;
}

/** The caller's variables that say which repository is meant. */
export function repositoryVariables(from: Environment = process.env): Environment {
  const result: Environment = {};
  for (const key of REPOSITORY) if (from[key] !== undefined) result[key] = from[key];
  return result;
}
