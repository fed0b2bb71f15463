/**
 * The values that `git theta install` writes, and how to tell them from someone else's.
 */
import { programCommand } from './programs';
import { STORE_DRIVER } from './store-driver';

/** A key of git's configuration and its value. */
export interface ConfigValue {
  readonly key: string;
  readonly value: string;
}

/** What decides the values. */
export interface ValueOptions {
  /** Paths instead of names. */
  readonly absolute?: boolean;
  /** Leave checkpoints as manifests on checkout. */
  readonly skipSmudge?: boolean;
}

/**
 * git polls the filters that delay their answers in the order of their commands' bytes, and ours
 * waits for the objects that git-lfs brings: its command must sort after `git-lfs filter-process`.
 * The name does. A quoted path starts with `'` and does not, so an assignment stands before it.
 */
const SORTS_LATE = 'sorts_after_git_lfs=1 ';

/** Our filter drivers: of checkpoints, and of store files where the macro of store/attributes.ts is defined. */
const FILTERS = ['theta', 'theta-store'];

/** What `git theta` means where git does not find the program: hooks call it by this name. */
const ALIAS = 'alias.theta';

/** git runs an alias in the root of the work tree; GIT_PREFIX is where it was typed. */
function aliasValue(): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expansion of the shell
  return `!cd "${'${GIT_PREFIX:-.}'}" && ${programCommand('git-theta', true)}`;
}

/** The command of the long-running filter of Git LFS, as it installs it. */
export const LFS_PROCESS = 'git-lfs filter-process';

/** What `git lfs install` writes; for dry runs and reports, never written by us. */
export function lfsValues({ skipSmudge = false }: ValueOptions = {}): ConfigValue[] {
  const skip = skipSmudge ? ' --skip' : '';
  return [
    { key: 'filter.lfs.clean', value: 'git-lfs clean -- %f' },
    { key: 'filter.lfs.smudge', value: `git-lfs smudge${skip} -- %f` },
    { key: 'filter.lfs.process', value: `${LFS_PROCESS}${skip}` },
    { key: 'filter.lfs.required', value: 'true' },
  ];
}

/** Our keys and values, in the order in which they are written. */
export function thetaValues({
  absolute = false,
  skipSmudge = false,
}: ValueOptions = {}): ConfigValue[] {
  const filter = programCommand('git-theta-filter', absolute);
  // git expands % in these commands, but not in that of the long-running filter.
  const expanded = (command: string) => command.replaceAll('%', '%%');
  const once = expanded(filter);
  const driver = expanded(programCommand('git-theta', absolute));
  const skip = skipSmudge ? ' --skip' : '';
  return [
    // The same commands twice, so that git asks one process for checkpoints and for their store files.
    ...FILTERS.flatMap((name) => [
      { key: `filter.${name}.clean`, value: `${once} clean %f` },
      { key: `filter.${name}.smudge`, value: `${once} smudge${skip} %f` },
      {
        key: `filter.${name}.process`,
        value: `${absolute ? SORTS_LATE : ''}${filter} process${skip}`,
      },
      { key: `filter.${name}.required`, value: 'true' },
    ]),
    { key: 'merge.theta.name', value: 'checkpoints, tensor by tensor' },
    { key: 'merge.theta.driver', value: `${driver} merge-driver %O %A %B %L %P` },
    // The base that git makes up for crossing histories is merged by the driver too: `binary` would keep one side of it.
    { key: 'merge.theta.recursive', value: 'theta' },
    {
      key: 'merge.theta-store.name',
      value: 'tensors of checkpoints, as the checkpoint was merged',
    },
    { key: 'merge.theta-store.driver', value: STORE_DRIVER },
    // Merge bases that git makes up must agree with those of the manifests above.
    { key: 'merge.theta-store.recursive', value: 'binary' },
    ...(absolute ? [{ key: ALIAS, value: aliasValue() }] : []),
  ];
}

/** Every key that some installation may have written. */
export function thetaKeys(): string[] {
  return thetaValues({ absolute: true }).map(({ key }) => key);
}

const PLAIN: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(FILTERS.map((name) => [`filter.${name}.required`, /^true$/])),
  'merge.theta.recursive': /^(theta|binary)$/,
  'merge.theta-store.recursive': /^binary$/,
  'merge.theta.name': /^checkpoints, /,
  'merge.theta-store.name': /^tensors of checkpoints, /,
  'merge.theta-store.driver': /\/theta\/merge\//,
  [ALIAS]: /^!cd "\$\{GIT_PREFIX:-\.\}" && '.*git-theta\.js'$/,
};

// The name or a quoted script of ours, then a word that only our programs know.
const FILTER =
  /^(?:sorts_after_git_lfs=1 )?(?:git-theta-filter|'.*git-theta-filter\.js') (?:clean|smudge|process)\b/;
const DRIVER = /^(?:git-theta|'.*git-theta\.js') merge-driver\b/;

/** Whether a value is one that some version of git-theta has written under this key. */
export function isOurs({ key, value }: ConfigValue): boolean {
  const pattern = PLAIN[key] ?? (key.startsWith('filter.') ? FILTER : DRIVER);
  return pattern.test(value);
}

/** Whether git polls the filter `command` after the filter `other`. */
export function sortsAfter(command: string, other: string): boolean {
  return Buffer.compare(Buffer.from(command), Buffer.from(other)) > 0;
}
