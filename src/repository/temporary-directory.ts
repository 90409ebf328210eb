import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileError } from './durable-file.ts'

/** A new directory in the system's temporary folder, gone when it is disposed or the process ends. */
export class TemporaryDirectory implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** @throws DiskFullError, PermissionDeniedError, FileFailedError: the temporary folder is full, or not there */
  static async create(prefix: string): Promise<TemporaryDirectory> {
    const path = await mkdtemp(join(tmpdir(), prefix)).catch((cause) => {
      throw fileError(tmpdir(), cause)
    })
    removeOnExit.add(path)
    return new TemporaryDirectory(path)
  }

  /** Writes a file in it, not synced. */
  async write(name: string, text: string): Promise<void> {
    const path = join(this.path, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }

  /** Gives a path elsewhere a name in it. */
  async link(name: string, target: string): Promise<void> {
    await symlink(resolve(target), join(this.path, name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeOnExit.delete(this.path)
    await rm(this.path, { recursive: true, force: true })
  }
}

/** What is left when the process ends without disposing. One listener for all, added with the first. */
class RemoveOnExit {
  readonly #paths = new Set<string>()
  #isListening = false

  add(path: string): void {
    this.#paths.add(path)
    if (this.#isListening) return
    this.#isListening = true
    process.once('exit', () => {
      for (const left of this.#paths) rmSync(left, { recursive: true, force: true })
    })
  }

  delete(path: string): void {
    this.#paths.delete(path)
  }
}

const removeOnExit = new RemoveOnExit()
