import type { FileSystem } from '../system/file-system.ts'
import { removeQuietly } from './durable-file.ts'
import type { EncodedObject } from './object.ts'
import type { ObjectDeflater } from './object-deflater.ts'
import { encodePack } from './pack.ts'
import { createPack, removeStaleKeeps } from './pack-file.ts'

export interface PackWriterOptions {
  /** The folder `objects`. */
  readonly directory: string
  readonly fileSystem: FileSystem
  readonly deflater: ObjectDeflater
}

/** Writes objects as packs, and keeps these from collections until a branch leads to them. */
export class PackWriter {
  readonly #options: PackWriterOptions
  readonly #folder: string
  /** Whether the folder is there, durably. */
  #hasFolder = false
  /** Whether what an earlier writer left there was removed. */
  #isCleared = false
  /** What stands beside the packs to which no branch leads yet. */
  readonly #keeps: string[] = []

  constructor(options: PackWriterOptions) {
    this.#options = options
    this.#folder = `${options.directory}/pack`
  }

  /**
   * Makes one pack of them, durable when it resolves.
   *
   * @throws Node's own errors
   */
  async write(objects: readonly EncodedObject[]): Promise<void> {
    const { directory, fileSystem, deflater } = this.#options
    const pack = encodePack(await deflater.contents(objects))
    const hadFolder = this.#hasFolder
    this.#hasFolder = false
    if (!hadFolder) await fileSystem.makeDirectory(this.#folder)
    if (!this.#isCleared) await removeStaleKeeps(fileSystem, this.#folder)
    this.#isCleared = true
    this.#keeps.push(await createPack(fileSystem, this.#folder, pack))
    await fileSystem.syncDirectory(this.#folder)
    if (!hadFolder) await fileSystem.syncDirectory(directory)
    this.#hasFolder = true
  }

  /** Says that a branch leads to all that was written, or never will. */
  async settle(): Promise<void> {
    for (const path of this.#keeps.splice(0)) await removeQuietly(this.#options.fileSystem, path)
  }
}
