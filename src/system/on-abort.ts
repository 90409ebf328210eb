/** What is to be told of a signal's end, and the one listener that tells it. */
interface Shared {
  readonly tasks: Set<() => void>
  readonly tell: () => void
}

const bySignal = new WeakMap<AbortSignal, Shared>()

/**
 * Runs a task when a signal is aborted, until what it returns is called.
 *
 * One signal may end a thousand reads and waits. Each with a listener of its own, Node would take more than ten for a
 * leak, say so on standard error, and look through all of them for each that comes and goes: they share one.
 */
export function onAbort(signal: AbortSignal | undefined, task: () => void): () => void {
  if (signal === undefined) return () => undefined
  const { tasks, tell } = bySignal.get(signal) ?? listenTo(signal)
  // A task that is given twice runs twice.
  const own = () => task()
  tasks.add(own)
  return () => {
    // Nothing of ours stays at a signal that may last as long as the program.
    if (!tasks.delete(own) || tasks.size > 0) return
    bySignal.delete(signal)
    signal.removeEventListener('abort', tell)
  }
}

function listenTo(signal: AbortSignal): Shared {
  const tasks = new Set<() => void>()
  const tell = () => {
    for (const task of tasks) task()
  }
  const shared = { tasks, tell }
  bySignal.set(signal, shared)
  signal.addEventListener('abort', tell)
  return shared
}
