/**
 * Where the repository of a folder is.
 *
 * In: a folder. Out: the top of its work tree and its git directory. Refused, each with a remedy: a folder outside any
 * repository, a bare repository, the inside of a git directory, a repository of another owner, no git, no such folder.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isThetaError, type ThetaError } from '../../errors';
import { gitFailed } from '../../git/child';
import { askIn } from './ask';

/** A work tree. */
export interface Location {
  readonly top: string;
  /** Of a linked work tree: its own. */
  readonly gitDir: string;
  readonly objectFormat: 'sha1' | 'sha256';
  readonly shallow: boolean;
}

/** Why there is no state: `absent` when there is no repository or no git, which the environment may make up for. */
export class NoState extends Error {
  constructor(
    readonly absent: boolean,
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

const FACTS = [
  '--is-inside-work-tree',
  '--is-bare-repository',
  '--is-shallow-repository',
  '--show-object-format',
] as const;

/** The work tree that `folder` is in. @throws NoState, ThetaError `ERR_THETA_CANCELLED` */
export async function locate(folder: string, signal?: AbortSignal): Promise<Location> {
  const from = resolve(folder);
  await checkFolder(from);
  const ask = askIn(from, signal);
  const paths = ['--absolute-git-dir', '--show-toplevel'] as const;
  const answer = await ask(['rev-parse', ...FACTS, ...paths], { mayFail: true }).catch(noGit);
  const [inside, bare, shallow, format, ...found] = lines(answer.text);
  if (inside !== 'true') throw whyNot(from, bare, answer);
  if (answer.code !== 0) throw unreadable(from, answer);
  // A path with a line end makes the joint answer ambiguous.
  const [gitDir = '', top = ''] =
    found.length === 2
      ? found
      : await Promise.all(
          paths.map(async (path) => lines((await ask(['rev-parse', path])).text).join('\n')),
        );
  return {
    top: resolve(Buffer.from(top, 'latin1').toString()),
    gitDir: resolve(Buffer.from(gitDir, 'latin1').toString()),
    objectFormat: format === 'sha256' ? 'sha256' : 'sha1',
    shallow: shallow === 'true',
  };
}

function lines(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    throw new NoState(false, `'${folder}' is not there`, 'Name the folder of the code.', error);
  });
  if (!found.isDirectory())
    throw new NoState(false, `'${folder}' is not a folder`, 'Name the folder of the code.');
}

function noGit(error: unknown): never {
  if (!isThetaError(error, 'ERR_THETA_GIT_MISSING')) throw error;
  throw new NoState(true, 'git was not found', 'Install git, or put it on PATH.', error);
}

function whyNot(
  folder: string,
  bare: string | undefined,
  answer: { code: number; stderr: string },
): Error {
  // Printed before git stops at the question for the work tree that there is none of.
  if (bare === 'true')
    return new NoState(
      false,
      `the repository at '${folder}' is bare: it has no files whose state could be told`,
      'Work in a clone of it: `git clone`.',
    );
  if (bare === 'false')
    return new NoState(
      false,
      `'${folder}' is not in the work tree of its repository: no code is there`,
      'Name the folder of the code.',
    );
  // git says it in other words when a link to a git directory leads nowhere.
  if (answer.stderr.includes('not a git repository (or any'))
    return new NoState(
      true,
      `'${folder}' is not in a git repository`,
      'Name the folder of the code. Where there is no repository, such as in a container image, the variable GIT_THETA_GIT_COMMIT can state the commit.',
    );
  return unreadable(folder, answer);
}

function unreadable(
  folder: string,
  { code, stderr }: { code: number; stderr: string },
): NoState | ThetaError {
  if (/dubious ownership|unsafe repository/.test(stderr)) {
    const { hint } = gitFailed(['rev-parse'], code, stderr);
    return new NoState(
      false,
      `the repository at '${folder}' belongs to another user, so git does not read it`,
      hint ??
        'If you trust it: `git config --global --add safe.directory PATH`, PATH being its top folder.',
    );
  }
  const said = stderr.trim().replace(/^fatal: /, '') || `exit code ${code}`;
  return new NoState(
    false,
    `git cannot read the repository at '${folder}': ${said}`,
    'Run `git status` there to see what is wrong.',
  );
}
