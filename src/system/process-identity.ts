import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isNumberedHere, isSignOfLife, looksAlive, type SignOfLife } from './sign-of-life.ts'

/** Which process this is, so exactly that a later one with the same number is told apart. */
export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** When it took what it owns: ISO 8601. */
  readonly since: string
  /** Id of the machine's current boot; empty where the system has none. */
  readonly boot: string
  /** When the process started, in clock ticks since boot; empty where the system does not tell. */
  readonly started: string
  /** For processes that see other numbers; not given by all. */
  readonly sign?: SignOfLife
}

/** The process that runs this. */
export function currentProcess(nowMs: number): ProcessIdentity {
  return {
    pid: process.pid,
    host: hostname(),
    since: new Date(nowMs).toISOString(),
    boot: bootId(),
    started: startOf(process.pid) ?? '',
  }
}

/** Whether what stood in a file says which process it was: a file may hold anything. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false
  const { pid, host, since, boot, started } = value as Partial<ProcessIdentity>
  return typeof pid === 'number' && [host, since, boot, started].every((field) => typeof field === 'string')
}

/** Whether it is the process that runs this. */
export function isCurrentProcess({ pid, host, sign }: ProcessIdentity): boolean {
  return pid === process.pid && host === hostname() && (!isSignOfLife(sign) || isNumberedHere(sign))
}

/** Whether a process still runs. One on another host counts as running: nobody here can know. */
export function isRunning(owner: ProcessIdentity): boolean {
  if (owner.host !== hostname()) return true
  if (owner.boot !== bootId()) return false
  if (!exists(owner.pid) || isZombie(owner.pid)) return false
  const started = startOf(owner.pid)
  return started === undefined || owner.started === '' || started === owner.started
}

/** As `isRunning`, also of a process in another container that has this host name, as with the host's network. */
export async function isAlive(owner: ProcessIdentity): Promise<boolean> {
  const { host, boot, sign } = owner
  const canBeSeen = host === hostname() && boot === bootId() && isSignOfLife(sign)
  return (canBeSeen ? await looksAlive(sign) : undefined) ?? isRunning(owner)
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

/**
 * One that has ended, and whose parent has not asked how: it is there, and does nothing any more. While threads of it
 * are left it still may: one of them can be in the midst of a write.
 */
function isZombie(pid: number): boolean {
  const stat = statOf(pid)
  return stat?.[0] === 'Z' && stat[17] === '1'
}

function startOf(pid: number): string | undefined {
  return statOf(pid)?.[19]
}

// /proc/<pid>/stat from the third field on; the second is the program's name in brackets and may hold anything.
function statOf(pid: number): readonly string[] | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
