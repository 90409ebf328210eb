import { MemoirError } from '../event/errors.ts'

/** A remote's address is not one that Memoir talks to. The address is shown without credentials. */
export class InvalidRemoteError extends MemoirError {
  readonly code = 'invalid-remote'
  readonly address: string

  constructor(address: string, what: string) {
    const shown = redactAddress(address)
    super(`remote address ${JSON.stringify(shown)} ${what}`, {
      hint: 'Use https://, ssh://, user@host:path, file:// or the path of a folder.',
    })
    this.address = shown
  }
}

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
  const host = /^([^/:]+|[^/]*\[[^\]/]+\]):/.exec(address)?.[1]
  if (host === undefined) return 'file'
  checkHost(host.replace(/^[^@]*@/, ''), address)
  return 'ssh'
}

// The host is taken from the text itself: the URL class reads "https:///a" and "http://a\\@b" otherwise than git.
function transportOf(scheme: string, address: string): Transport {
  if (scheme === 'file') return 'file'
  const host = /^[^/]*:\/\/(?:[^/?#\\]*@)?([^/?#\\@]*)(?:[/?#]|$)/.exec(address)?.[1] ?? ''
  checkHost(host, address)
  if (scheme === 'https' || scheme === 'ssh') return scheme
  if (scheme !== 'http') throw new InvalidRemoteError(address, `has the unknown scheme ${scheme}://`)
  if (/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)) return 'http'
  throw new InvalidRemoteError(address, 'is not encrypted')
}

// ssh takes a host that starts with "-" for an option.
function checkHost(host: string, address: string): void {
  if (host === '') throw new InvalidRemoteError(address, 'names no host')
  if (host.startsWith('-')) throw new InvalidRemoteError(address, 'has a host that starts with "-"')
}

/** Takes the user names and passwords out of all URLs in a text, such as what git printed. */
export function redactAddress(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#'"]*@/gi, '$1')
}

/** The host that an address names, in small letters and without a port; undefined for a path. */
export function hostOf(address: string): string | undefined {
  if (checkRemoteAddress(address) === 'file') return undefined
  const url = /^[^/]*:\/\/(?:[^/?#\\]*@)?(\[[^\]]*\]|[^/?#\\@:]*)/.exec(address)?.[1]
  const host = url ?? /^(?:[^@/]*@)?(\[[^\]]*\]|[^/:]+):/.exec(address)?.[1]
  return host?.toLowerCase()
}
