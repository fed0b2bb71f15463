/**
 * What the configuration says about where the repository came from.
 *
 * In: a work tree and its branch. Out: the address of its remote, without credentials; whether files or objects are
 * left out here. The remote is the branch's, else `origin`, else the first.
 */
import { type Ask, readable, records } from './ask';
import { redactUrl } from './redact';

export interface Origin {
  readonly repo: string | null;
  /** Some files of HEAD are not in the work tree. */
  readonly sparse: boolean;
  /** Some objects are only on the remote. */
  readonly partial: boolean;
}

const KEYS =
  '^(remote\\..*\\.(url|promisor)|branch\\..*\\.remote|extensions\\.partialclone|core\\.sparsecheckout)$';

/** Reads the configuration; the branch's remote is looked up once its name is known. */
export async function origin(ask: Ask): Promise<(branch: string | null) => Origin> {
  const { text } = await ask(['config', '-z', '--get-regexp', KEYS], { mayFail: true });
  const urls = new Map<string, string>();
  const remoteOf = new Map<string, string>();
  let sparse = false;
  let promisors = 0;
  for (const record of records(text)) {
    const end = record.indexOf('\n');
    const key = readable(end < 0 ? record : record.slice(0, end));
    // A key without a value is true.
    const value = end < 0 ? 'true' : readable(record.slice(end + 1));
    const name = key.slice(key.indexOf('.') + 1, key.lastIndexOf('.'));
    if (key === 'core.sparsecheckout') sparse = isTrue(value);
    else if (key === 'extensions.partialclone') promisors++;
    else if (key.startsWith('branch.')) remoteOf.set(name, value);
    else if (key.endsWith('.promisor')) promisors += isTrue(value) ? 1 : 0;
    // Of several the first is fetched from.
    else if (!urls.has(name)) urls.set(name, value);
  }
  return (branch) => {
    const own = branch === null ? undefined : urls.get(remoteOf.get(branch) ?? '');
    const url = own ?? urls.get('origin') ?? urls.values().next().value;
    return { repo: url === undefined ? null : redactUrl(url), sparse, partial: promisors > 0 };
  };
}

function isTrue(value: string): boolean {
  return /^(true|yes|on|[1-9]\d*)$/i.test(value);
}
