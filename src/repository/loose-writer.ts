import type { FileSystem } from '../system/file-system.ts'
import { createFile, errorCode, removeQuietly, temporaryPath } from './durable-file.ts'
import type { EncodedObject } from './object.ts'
import type { ObjectDeflater } from './object-deflater.ts'
import type { Slots } from './slots.ts'

export interface LooseWriterOptions {
  /** The folder `objects`. */
  readonly directory: string
  readonly fileSystem: FileSystem
  readonly slots: Slots
  readonly deflater: ObjectDeflater
}

/** Writes objects as loose files, each under a temporary name first: a file with an id for its name is whole. */
export class LooseWriter {
  readonly #options: LooseWriterOptions

  constructor(options: LooseWriterOptions) {
    this.#options = options
  }

  /**
   * Durable when it resolves. What has no name of its own when it fails is removed.
   *
   * @throws Node's own errors
   */
  async write(objects: readonly EncodedObject[]): Promise<void> {
    const { directory, fileSystem, slots, deflater } = this.#options
    const temporary = new Map<EncodedObject, string>()
    try {
      await slots.forEach(objects, async (object) => {
        const file = await deflater.framed(object)
        const path = temporaryPath(directory)
        await createFile(fileSystem, path, file, 0o444)
        temporary.set(object, path)
      })
      await slots.forEach(objects, async (object) => {
        await this.#rename(temporary.get(object)!, object.oid)
        temporary.delete(object)
      })
      const fanOut = new Set(objects.map(({ oid }) => `${directory}/${oid.slice(0, 2)}`))
      // `objects/` too: a fan-out directory may be new, or made by a git that did not sync it.
      await slots.forEach([...fanOut, directory], (path) => fileSystem.syncDirectory(path))
    } catch (error) {
      for (const path of temporary.values()) await removeQuietly(fileSystem, path)
      throw error
    }
  }

  async #rename(from: string, oid: string): Promise<void> {
    const { directory, fileSystem } = this.#options
    const fanOut = `${directory}/${oid.slice(0, 2)}`
    const to = `${fanOut}/${oid.slice(2)}`
    // git removes a fan-out directory that gets empty, perhaps just after we made it.
    for (let attempt = 1; ; attempt++) {
      try {
        return await fileSystem.rename(from, to)
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || attempt === 5) throw error
        await fileSystem.makeDirectory(fanOut)
      }
    }
  }
}
