import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** A copy of a log, which can be made again without copying what is still the same. */
export class LogCopy {
  readonly #original: string
  /** All that is in it, by its path: the bytes of a file, undefined for a folder. */
  readonly #entries: Entries

  constructor(
    original: string,
    readonly path: string,
  ) {
    this.#original = original
    cpSync(original, path, { recursive: true })
    this.#entries = entriesOf(original)
  }

  /** What is not as in the original, by its path. */
  differences(): string[] {
    const found = entriesOf(this.path)
    const names = new Set([...this.#entries.keys(), ...found.keys()])
    return [...names].filter((name) => !isSame(this.#entries, found, name))
  }

  restore(): void {
    for (const name of this.differences()) {
      const path = join(this.path, name)
      rmSync(path, { recursive: true, force: true })
      if (this.#entries.has(name)) cpSync(join(this.#original, name), path, { recursive: true })
    }
  }
}

type Entries = ReadonlyMap<string, Buffer | undefined>

function isSame(some: Entries, others: Entries, name: string): boolean {
  const one = some.get(name)
  const other = others.get(name)
  return one === undefined || other === undefined
    ? one === other && some.has(name) === others.has(name)
    : one.equals(other)
}

function entriesOf(path: string): Entries {
  const entries = new Map<string, Buffer | undefined>()
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(path, folder), { withFileTypes: true })) {
      const name = join(folder, entry.name)
      entries.set(name, entry.isDirectory() ? undefined : readFileSync(join(path, name)))
      if (entry.isDirectory()) visit(name)
    }
  }
  visit('.')
  return entries
}
