import type { File, FileSystem } from '../../src/system/file-system.ts'

/** One call of the file system port, as it was asked. */
export interface Call {
  readonly method: keyof FileSystem | Exclude<keyof File, keyof FileSystem>
  /** The file or directory; of an open file, the path it was opened by. */
  readonly path: string
  /** Where a rename goes. */
  readonly to?: string
  /** How many bytes a write or read asks for. */
  readonly length?: number
  readonly position?: number
}

/** What goes wrong, and at which call. */
export interface Fault {
  readonly on: (call: Call) => boolean
  /** Which of the matching calls, from 1 on; default the first. */
  readonly nth?: number
  /** How many matching calls from there on; default 1. */
  readonly times?: number
  /**
   * `error`: rejects with this errno and does nothing, or with `late` does it all and rejects then.
   * `short`: a write that takes only so many bytes and says so.
   * `skip`: does nothing and succeeds, which takes a sync out; only for calls that return nothing.
   */
  readonly effect:
    | { readonly kind: 'error'; readonly code: string; readonly late?: boolean }
    | { readonly kind: 'short'; readonly bytes: number }
    | { readonly kind: 'skip' }
}

/** Passes calls on to another file system, keeps a record of them, and lets chosen ones fail. */
export class FaultyFileSystem implements FileSystem {
  readonly calls: Call[] = []
  readonly #inner: FileSystem
  readonly #faults: { readonly fault: Fault; seen: number }[] = []

  constructor(inner: FileSystem) {
    this.#inner = inner
  }

  /** Adds a fault; its count starts now. */
  fail(fault: Fault): void {
    this.#faults.push({ fault, seen: 0 })
  }

  async open(path: string, flags: string | number, mode?: number): Promise<File> {
    const open = () => this.#inner.open(path, flags, mode)
    // One that fails gives no descriptor, whatever it did to the disk: a lock must not seem to be held.
    const file = await this.#pass({ method: 'open', path }, open, (opened) => opened.close())
    const pass = <T>(call: Omit<Call, 'path'>, work: (length: number) => Promise<T>) =>
      this.#pass({ ...call, path }, work)
    return {
      write: (bytes, offset, length, position) =>
        pass({ method: 'write', length, position }, (taken) => file.write(bytes, offset, taken, position)),
      read: (bytes, offset, length, position) =>
        pass({ method: 'read', length, position }, () => file.read(bytes, offset, length, position)),
      readNow: (bytes, offset, length, position) => {
        this.#refuse({ method: 'readNow', path, length, position })
        return file.readNow(bytes, offset, length, position)
      },
      truncate: (length) => pass({ method: 'truncate', length }, () => file.truncate(length)),
      syncData: () => pass({ method: 'syncData' }, () => file.syncData()),
      sync: () => pass({ method: 'sync' }, () => file.sync()),
      size: () => pass({ method: 'size' }, () => file.size()),
      close: () => pass({ method: 'close' }, () => file.close()),
    }
  }

  readFile(path: string): Promise<Buffer> {
    return this.#pass({ method: 'readFile', path }, () => this.#inner.readFile(path))
  }

  list(path: string): Promise<string[]> {
    return this.#pass({ method: 'list', path }, () => this.#inner.list(path))
  }

  stat(path: string): ReturnType<FileSystem['stat']> {
    return this.#pass({ method: 'stat', path }, () => this.#inner.stat(path))
  }

  makeDirectory(path: string): Promise<void> {
    return this.#pass({ method: 'makeDirectory', path }, () => this.#inner.makeDirectory(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#pass({ method: 'rename', path: from, to }, () => this.#inner.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#pass({ method: 'remove', path }, () => this.#inner.remove(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#pass({ method: 'syncDirectory', path }, () => this.#inner.syncDirectory(path))
  }

  async #pass<T>(
    call: Call,
    work: (length: number) => Promise<T>,
    forget?: (done: T) => Promise<void>,
  ): Promise<T> {
    this.calls.push(call)
    const effect = this.#findEffect(call)
    const asked = call.length ?? 0
    if (effect === undefined) return work(asked)
    if (effect.kind === 'short') return work(Math.min(effect.bytes, asked))
    // Such a call returns nothing, as the fault's documentation asks for.
    if (effect.kind === 'skip') return undefined as T
    if (effect.late) {
      const done = await work(asked)
      await forget?.(done)
    }
    throw injected(effect.code, call)
  }

  /** For a call that answers at once: it fails, or is done by the caller. */
  #refuse(call: Call): void {
    this.calls.push(call)
    const effect = this.#findEffect(call)
    if (effect?.kind === 'error') throw injected(effect.code, call)
  }

  #findEffect(call: Call): Fault['effect'] | undefined {
    let effect: Fault['effect'] | undefined
    for (const entry of this.#faults) {
      const { on, nth = 1, times = 1 } = entry.fault
      if (!on(call)) continue
      entry.seen++
      if (entry.seen >= nth && entry.seen < nth + times) effect ??= entry.fault.effect
    }
    return effect
  }
}

function injected(code: string, { method }: Call): Error {
  return Object.assign(new Error(`${code}: injected at ${method}`), { code })
}
