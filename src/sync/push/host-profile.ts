import { hostOf } from '../../repository/remote-address.ts'

/** What a Git host asks of those who push to it. */
export interface HostProfile {
  /** How many pushes a minute it takes from one repository. */
  readonly pushesAMinute: number
  /** The most bytes that an object should have. */
  readonly objectBytes: number
  /** The most entries that a directory should have. */
  readonly directoryEntries: number
}

const MIB = 1 << 20
const NO_LIMIT = Number.POSITIVE_INFINITY

/** By host name; a subdomain is as its domain. The figures are those that the hosts publish. */
const KNOWN: Readonly<Record<string, HostProfile>> = {
  'github.com': { pushesAMinute: 6, objectBytes: MIB, directoryEntries: 3000 },
  'gitlab.com': { pushesAMinute: 600, objectBytes: 100 * MIB, directoryEntries: NO_LIMIT },
}

const OTHER: HostProfile = { pushesAMinute: 60, objectBytes: 100 * MIB, directoryEntries: NO_LIMIT }
const LOCAL: HostProfile = {
  pushesAMinute: NO_LIMIT,
  objectBytes: NO_LIMIT,
  directoryEntries: NO_LIMIT,
}

/**
 * The profile for a remote's address, a known host's, or one for all others; local paths have no limits.
 *
 * @param hosts what the caller knows better, by host name
 */
export function profileOf(
  address: string,
  hosts: Readonly<Record<string, Partial<HostProfile>>> = {},
): HostProfile {
  const host = hostOf(address)
  if (host === undefined) return LOCAL
  const base = findByHost(KNOWN, host) ?? OTHER
  return { ...base, ...findByHost(hosts, host) }
}

/** What of a log may go beyond what the host asks for, and what does. */
export interface LogExtent {
  readonly eventBytes: number
  /** How many files its fullest directory has. */
  readonly directoryEntries: number
}

/** What of a log goes beyond what the host asks for; nothing as a rule. */
export function profileExcess(profile: HostProfile, log: LogExtent): string[] {
  const excess: string[] = []
  // Batches stop at 1 MiB; only one atomic append can make a larger one.
  if (log.eventBytes > profile.objectBytes) {
    excess.push(
      `events may have ${log.eventBytes} bytes (limits.eventBytes), its host advises ${profile.objectBytes} an object`,
    )
  }
  // Folding keeps small files few: these are full ones, of large events.
  if (log.directoryEntries > profile.directoryEntries) {
    excess.push(
      `a folder of the log has ${log.directoryEntries} files, its host advises ${profile.directoryEntries}`,
    )
  }
  return excess
}

function findByHost<T>(table: Readonly<Record<string, T>>, host: string): T | undefined {
  const name = Object.keys(table).find((key) => host === key || host.endsWith(`.${key}`))
  return name === undefined ? undefined : table[name]
}
