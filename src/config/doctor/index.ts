/**
 * `git theta doctor`: every check, in the order in which they build on each other.
 *
 * Changes nothing. Where git is missing, nothing after it can be checked; outside a repository,
 * only the machine is.
 */
import { isThetaError } from '../../errors';
import { Repository } from '../../git/repository';
import type { Check } from './check';
import { checkRepository } from './repository';
import { checkFilters, checkTools } from './setup';

export type { Check, CheckStatus } from './check';

/** What was checked. */
export interface Diagnosis {
  /** False when a check failed; warnings do not count. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
  /** The root of the work tree, when there is one. */
  readonly workTree?: string;
}

async function discover(): Promise<Repository | undefined> {
  try {
    return await Repository.discover();
  } catch (error) {
    const outside = ['ERR_THETA_NOT_A_REPOSITORY', 'ERR_THETA_BARE_REPOSITORY'];
    if (outside.some((code) => isThetaError(error, code))) return undefined;
    throw error;
  }
}

/** Runs all checks. */
export async function diagnose(): Promise<Diagnosis> {
  const checks = await checkTools();
  let workTree: string | undefined;
  if (!checks.some(({ id, status }) => id === 'git' && status === 'fail')) {
    const repo = await discover();
    workTree = repo?.workTree;
    checks.push(...(await checkFilters(workTree)));
    if (repo) checks.push(...(await checkRepository(repo)));
  }
  const good = checks.every(({ status }) => status !== 'fail');
  return { ok: good, checks, ...(workTree !== undefined && { workTree }) };
}
