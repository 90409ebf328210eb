import { MemoirError } from '../event/errors.ts'

/** A remote's address is not one that Memoir talks to. The address is shown without credentials. */
export class InvalidRemoteError extends MemoirError {
  readonly code = 'invalid-remote'
  readonly address: string

  constructor(
    address: string,
    what: string,
    hint = 'Use https://, ssh://, user@host:path, file:// or the path of a folder.',
  ) {
    const shown = shownAddress(address)
    super(`remote address ${JSON.stringify(shown)} ${what}`, { hint })
    this.address = shown
  }
}

/** The name of the remote that is meant where none is named. */
export const DEFAULT_REMOTE = 'origin'

/** How git reaches a remote. */
export type Transport = 'https' | 'http' | 'ssh' | 'file'

/**
 * Which transport an address uses: `https://`, `ssh://`, `user@host:path`, `file://`, the path of a folder,
 * and `http://` to this machine alone.
 *
 * Everything else is refused: git would take a leading `-` for an option, `ext::` for a command to run, and
 * `git://` and `http://` prove neither who answers nor what was sent.
 *
 * @throws InvalidRemoteError
 */
export function checkRemoteAddress(address: string): Transport {
  if (address === '') throw new InvalidRemoteError(address, 'is empty')
  if (address.startsWith('-')) throw new InvalidRemoteError(address, 'starts with "-"')
  if (/[\x00-\x1f\x7f]/.test(address)) throw new InvalidRemoteError(address, 'holds a control character')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase()
  if (scheme !== undefined) return transportOf(scheme, address)
  if (/^[a-z0-9]+::/i.test(address)) throw new InvalidRemoteError(address, 'names a remote helper')
  if (USER_AND_PASSWORD.test(address)) throw new InvalidRemoteError(address, PASSWORD_FOR_SSH)
  const host = /^([^/:]+|[^/]*\[[^\]/]+\]):/.exec(address)?.[1]
  if (host === undefined) return 'file'
  checkHost(host.replace(/^[^@]*@/, ''), address)
  return 'ssh'
}

/** Who comes to a remote, as the address says. */
export interface Credentials {
  readonly username: string
  /** Undefined where only a name is given. */
  readonly password: string | undefined
}

/**
 * Takes apart an address of http or https: git gets the one part in its arguments, which everybody on the
 * machine may read, and the other one elsewhere. Other addresses hold no secrets, and stay as they are.
 *
 * @throws InvalidRemoteError
 */
export function splitCredentials(address: string): {
  readonly address: string
  readonly credentials: Credentials | undefined
} {
  const [, scheme = '', user] = /^(https?:\/\/)([^/?#]*)@/i.exec(address) ?? []
  if (user === undefined) return { address, credentials: undefined }
  const [, name = '', password] = /^([^:]*)(?::(.*))?$/s.exec(user) ?? []
  const credentials = { username: decode(name), password: password && decode(password) }
  if (/[\x00-\x1f\x7f]/.test(`${credentials.username}${credentials.password}`)) {
    throw new InvalidRemoteError(address, 'holds a control character')
  }
  return { address: scheme + address.slice(scheme.length + user.length + 1), credentials }
}

/** Where an escape is malformed the text is meant as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const PASSWORD_FOR_SSH = 'holds a password, which ssh does not take'
/** As in `user:password@host:path`, where git would take the user for the host. */
const USER_AND_PASSWORD = /^[^/:@[]+:[^/]*@[^/@]*:/

// The host is taken from the text itself: the URL class reads "https:///a" and "http://a\\@b" otherwise than git.
function transportOf(scheme: string, address: string): Transport {
  if (scheme === 'file') return 'file'
  const [, user = '', host = ''] = /^[^/]*:\/\/(?:([^/?#\\]*)@)?([^/?#\\@]*)(?:[/?#]|$)/.exec(address) ?? []
  checkHost(host, address)
  if (scheme === 'ssh' && user.includes(':')) throw new InvalidRemoteError(address, PASSWORD_FOR_SSH)
  if (scheme === 'https' || scheme === 'ssh') return scheme
  if (scheme !== 'http') throw new InvalidRemoteError(address, `has the unknown scheme ${scheme}://`)
  if (/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)) return 'http'
  throw new InvalidRemoteError(address, 'is not encrypted')
}

// ssh takes a host that starts with "-" for an option.
function checkHost(host: string, address: string): void {
  if (host === '') throw new InvalidRemoteError(address, 'names no host')
  if (host.startsWith('-')) throw new InvalidRemoteError(address, 'has a host that starts with "-"')
  // As a rule a password that holds a slash.
  if (/^[^[\]]*:(?!\d*$)/.test(host)) throw new InvalidRemoteError(address, 'has a port that is no number')
}

/** An address as messages show it: without credentials. */
export function shownAddress(address: string): string {
  const [, scheme, host = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)(.*)$/is.exec(address) ?? []
  if (scheme === undefined)
    return redactAddress(USER_AND_PASSWORD.test(address) ? address.replace(/^.*?@/, '') : address)
  // What stands before a slash or another end of the host may be the start of a password.
  const isBroken = rest.includes('@') && /^[^[\]@]*:(?!\d*$)/.test(host)
  return scheme + (isBroken ? '…' : host.replace(/^.*@/s, '') + rest)
}

/**
 * Takes the user names and passwords out of all URLs in a text, such as what git printed. Whatever stands before "://", which
 * a remote may have made as long as it likes, is not looked at.
 */
export function redactAddress(text: string): string {
  return text.replace(/:\/\/[^\s/?#]*@/g, '://')
}

/**
 * The folder of a remote on this machine, as git finds it: escapes are decoded, and "#" and "?" have no meaning of
 * their own. Undefined for any other remote.
 *
 * @throws InvalidRemoteError
 */
export function folderOf(address: string): string | undefined {
  if (checkRemoteAddress(address) !== 'file') return undefined
  return /^file:/i.test(address) ? decode(address.slice('file://'.length)) : address
}

/** The host that an address names, in small letters and without a port; undefined for a path. */
export function hostOf(address: string): string | undefined {
  if (checkRemoteAddress(address) === 'file') return undefined
  const url = /^[^/]*:\/\/(?:[^/?#\\]*@)?(\[[^\]]*\]|[^/?#\\@:]*)/.exec(address)?.[1]
  const host = url ?? /^(?:[^@/]*@)?(\[[^\]]*\]|[^/:]+):/.exec(address)?.[1]
  return host?.toLowerCase()
}
