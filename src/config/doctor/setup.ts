/** Checks of the machine: programs, filters, and whether git will find and order them rightly. */
import { existsSync } from 'node:fs';
import { effectiveValues } from '../installed';
import { findProgram, isLasting, isThisPackage, type Program } from '../programs';
import { findTools, toolHint } from '../tools';
import {
  type ConfigValue,
  isOurs,
  LFS_PROCESS,
  lfsValues,
  sortsAfter,
  thetaValues,
} from '../values';
import { type Check, failure, ok, some, warning } from './check';

type Values = ReadonlyMap<string, ConfigValue>;

/** node, git and git-lfs. */
export async function checkTools(): Promise<Check[]> {
  return (await findTools()).map(({ name, version, minimum, ok: good }) => {
    if (good) return ok(name, `${name} ${version}.`);
    const found = version ? `${name} ${version} is too old` : `${name} was not found`;
    return failure(name, `${found}; ${minimum} or newer is needed.`, toolHint(name));
  });
}

function checkLfs(values: Values): Check {
  const missing = lfsValues()
    .map(({ key }) => key)
    .filter((key) => !values.has(key));
  if (missing.length === 0) return ok('lfs-filter', 'The filter of Git LFS is installed.');
  const message = `The filter of Git LFS is not installed (${some(missing)}).`;
  return failure('lfs-filter', message, 'git theta install');
}

function checkTheta(values: Values): Check {
  const wanted = thetaValues().filter(({ key }) => !key.endsWith('.name'));
  const missing = wanted.filter(({ key }) => !values.has(key)).map(({ key }) => key);
  if (missing.length > 0) {
    const message = `git-theta is not installed in git's configuration (${some(missing)}).`;
    return failure('theta-filter', message, 'git theta install');
  }
  const foreign = wanted.flatMap(({ key }) => {
    const found = values.get(key);
    return found && !isOurs(found) ? [key] : [];
  });
  if (foreign.length > 0) {
    const message = `These values are not those of git-theta: ${some(foreign)}.`;
    return failure('theta-filter', message, 'git theta install --force');
  }
  return ok('theta-filter', 'The filter and the merge drivers of git-theta are installed.');
}

/** The absolute script in a command that install has written with `--absolute`. */
function quotedWords(command: string): string[] {
  return [...command.matchAll(/'((?:[^']|'\\'')*)'/g)].map((m) =>
    (m[1] ?? '').replaceAll("'\\''", "'"),
  );
}

async function checkProgram(program: Program, command: string, cwd?: string): Promise<Check> {
  const id = `path-${program}`;
  const words = quotedWords(command).map((word) => word.replaceAll('%%', '%'));
  if (words.length > 0) {
    const gone = words.filter((word) => !existsSync(word));
    if (gone.length === 0) return ok(id, `git starts ${program} by its absolute path.`);
    return failure(id, `${some(gone)} does not exist any more.`, 'git theta install --absolute');
  }
  const found = await findProgram(program, cwd);
  if (found === undefined) {
    return failure(
      id,
      `git does not find ${program} on its PATH.`,
      "git theta install --absolute, or add the folder of npm's global programs to the PATH",
    );
  }
  if (!isLasting(found)) {
    const message = `${program} is found in ${found}, which other shells do not have on their PATH.`;
    return warning(id, message, 'git theta install --absolute');
  }
  if (!isThisPackage(found, program)) {
    const message = `git runs ${found}, which belongs to another installation than this one.`;
    return warning(id, message, 'Remove one of the two installations.');
  }
  return ok(id, `git finds ${program} at ${found}.`);
}

/** Hooks call `git theta`: git has to know it, as a program or as an alias. */
async function checkCommand(cwd?: string): Promise<Check> {
  const program = await findProgram('git-theta', cwd);
  const alias = (await effectiveValues('^alias\\.theta$', cwd)).get('alias.theta');
  if (program !== undefined || alias) return ok('command', "'git theta' can be run by hooks.");
  const message = "Hooks cannot run 'git theta': git does not find the program.";
  return failure('command', message, 'git theta install --absolute');
}

function checkOrder(values: Values): Check {
  const theta = values.get('filter.theta.process')?.value ?? '';
  const lfs = values.get('filter.lfs.process')?.value ?? LFS_PROCESS;
  if (sortsAfter(theta, lfs)) return ok('filter-order', 'git asks the filters in the right order.');
  return failure(
    'filter-order',
    `git asks '${theta}' before '${lfs}', so a clone can wait for objects that do not come.`,
    'git theta install --force',
  );
}

/** The filters and merge drivers, as git will run them. */
export async function checkFilters(cwd?: string): Promise<Check[]> {
  const values = await effectiveValues(
    '^(filter\\.(lfs|theta(-store)?)|merge\\.theta(-store)?)\\.',
    cwd,
  );
  const theta = checkTheta(values);
  const checks = [checkLfs(values), theta];
  const filter = values.get('filter.theta.process');
  const driver = values.get('merge.theta.driver');
  if (filter && isOurs(filter)) {
    checks.push(await checkProgram('git-theta-filter', filter.value, cwd));
    checks.push(checkOrder(values));
  }
  if (driver && isOurs(driver)) {
    checks.push(await checkProgram('git-theta', driver.value, cwd));
    checks.push(await checkCommand(cwd));
  }
  return checks;
}
