import type { ChildProcess } from 'node:child_process'

const KILL_AFTER_MS = 2_000

/** The groups that may have a process left, and whether they were told to end. */
const groups = new Map<number, 'running' | 'stopping'>()

/** Ends a process that leads a group, and all others in it, when this process ends of its own accord. */
export function endWithUs(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  if (groups.size === 0) process.on('exit', endAll)
  groups.set(pid, 'running')
  child.once('close', () => {
    // What it left running on purpose, such as an ssh master, stays.
    if (groups.get(pid) === 'running' || !isThere(pid)) forget(pid)
  })
}

/** Stops a process and all others of its group: SIGTERM, and SIGKILL 2 seconds later for what is left of it. */
export function stop({ pid }: ChildProcess): void {
  if (pid === undefined || groups.get(pid) !== 'running') return
  groups.set(pid, 'stopping')
  signal(pid, 'SIGTERM')
  const kill = () => {
    if (!groups.has(pid)) return
    signal(pid, 'SIGKILL')
    forget(pid)
  }
  setTimeout(kill, KILL_AFTER_MS).unref()
}

function endAll(): void {
  for (const [pid, state] of groups) signal(pid, state === 'running' ? 'SIGTERM' : 'SIGKILL')
}

function forget(pid: number): void {
  groups.delete(pid)
  if (groups.size === 0) process.off('exit', endAll)
}

function isThere(pid: number): boolean {
  return signal(pid, 0)
}

/** @returns whether the group has a process left */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, name)
  } catch {
    return false
  }
}
