/**
 * Addresses of repositories, fit to be published.
 *
 * In: an address as git's configuration has it. Out: the same without user names and passwords (the user of SSH stays),
 * and without a query or fragment, where tokens stand, too. `null` for what is no address elsewhere: a path of this
 * machine, which often names its user, and a command.
 */

/** Schemes whose user is part of where the repository is. */
const SSH = /^(ssh|git\+ssh|ssh\+git)$/i;

/** A path, as git tells it from `host:path`: no colon, or none before the first slash; or a drive of Windows. */
const LOCAL = /^([^:]*$|[^:]*[\\/]|[a-z]:[\\/])/i;

/** The address without credentials; `null` when it means nothing elsewhere. */
export function redactUrl(address: string): string | null {
  const url = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(address);
  if (url) {
    const [, scheme = '', rest = ''] = url;
    if (scheme.toLowerCase() === 'file') return null;
    return `${scheme}://${withoutUser(rest.replace(/[?#].*$/s, ''), SSH.test(scheme))}`;
  }
  // `helper::address`; of ext:: the address is a command line.
  const helper = /^([a-z0-9][a-z0-9+.-]*)::(.*)$/is.exec(address);
  if (helper) {
    const [, name = '', rest = ''] = helper;
    const inner = /^(ext|fd)$/i.test(name) ? null : redactUrl(rest);
    return inner === null ? null : `${name}::${inner}`;
  }
  if (LOCAL.test(address)) return null;
  // `user:password@host:path` is no address that git knows, but one that people write.
  return address.replace(/^[^/:@]+:(?:[^/]*@|.*@(?=[^/@]*:))/s, '');
}

function withoutUser(rest: string, keepUser: boolean): string {
  const slash = rest.indexOf('/');
  let end = slash < 0 ? rest.length : slash;
  // A password with a slash in it: what stands before the slash is no host and port.
  if (!/^([^@]*@)?(\[[^\]]*\]|[^:@]*)(:\d*)?$/.test(rest.slice(0, end))) {
    end = rest.lastIndexOf('@') + 1 || end;
  }
  const at = rest.lastIndexOf('@', end);
  if (at < 0 || at > end) return rest;
  const host = rest.slice(at + 1);
  if (!keepUser) return host;
  const user = rest.slice(0, at).replace(/:.*$/s, '');
  return user === '' ? host : `${user}@${host}`;
}
