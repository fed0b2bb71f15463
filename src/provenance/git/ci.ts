/**
 * What a CI system says about what it builds: git itself knows no branch there.
 *
 * In: environment variables. Out: the system's names for repository, branch, commit and run; `null` outside CI.
 * Addresses lose their credentials, and what is no commit is not taken for one.
 */
import type { CiHints } from '../stamp';
import { redactUrl } from './redact';

type Variables = Readonly<Record<string, string | undefined>>;

interface System {
  readonly system: string;
  /** The variable that is set on this system alone. */
  readonly sign: string;
  /** Variables in order of preference. */
  readonly repository: readonly string[];
  readonly branch: readonly string[];
  readonly commit: readonly string[];
  readonly run: readonly string[];
}

const SYSTEMS: readonly System[] = [
  {
    system: 'github',
    sign: 'GITHUB_ACTIONS',
    repository: ['GITHUB_REPOSITORY'],
    // Of a pull request GITHUB_REF_NAME is `7/merge`.
    branch: ['GITHUB_HEAD_REF', 'GITHUB_REF_NAME'],
    commit: ['GITHUB_SHA'],
    run: ['GITHUB_RUN_ID'],
  },
  {
    system: 'gitlab',
    sign: 'GITLAB_CI',
    repository: ['CI_PROJECT_PATH'],
    branch: ['CI_MERGE_REQUEST_SOURCE_BRANCH_NAME', 'CI_COMMIT_REF_NAME'],
    commit: ['CI_COMMIT_SHA'],
    run: ['CI_PIPELINE_ID'],
  },
  {
    system: 'buildkite',
    sign: 'BUILDKITE',
    repository: ['BUILDKITE_REPO'],
    branch: ['BUILDKITE_BRANCH'],
    commit: ['BUILDKITE_COMMIT'],
    run: ['BUILDKITE_BUILD_ID'],
  },
  {
    system: 'jenkins',
    sign: 'JENKINS_URL',
    repository: ['GIT_URL', 'GIT_URL_1'],
    branch: ['CHANGE_BRANCH', 'BRANCH_NAME', 'GIT_BRANCH'],
    commit: ['GIT_COMMIT'],
    run: ['BUILD_TAG', 'BUILD_ID'],
  },
];

/** Longer values are no names. */
const LONGEST = 1000;

/** A commit's id in full. */
export const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** The hints. */
export function ciHints(env: Variables = process.env): CiHints | null {
  const found = SYSTEMS.find(({ sign }) => env[sign]);
  if (!found) return null;
  const first = (names: readonly string[]): string | undefined =>
    names.map((name) => env[name]).find((value) => value && value.length <= LONGEST);
  const named = first(found.repository) ?? '';
  // Some give an address, others a name: `owner/project`.
  const repository = /[:@]/.test(named) ? (redactUrl(named) ?? '') : named;
  // A build of a tag has the tag's name there.
  const branch =
    env.GITHUB_REF_TYPE === 'tag' || env.CI_COMMIT_TAG ? undefined : first(found.branch);
  const commit = first(found.commit);
  const run = first(found.run);
  return {
    system: found.system,
    ...(repository !== '' && { repository }),
    ...(branch !== undefined && { branch }),
    ...(commit !== undefined && COMMIT.test(commit) && { commit }),
    ...(run !== undefined && { run }),
  };
}
