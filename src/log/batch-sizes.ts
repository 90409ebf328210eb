import type { BatchFile } from '../repository/batch-file.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { FOLD_AFTER } from '../repository/layout.ts'
import type { LogTree } from '../repository/log-tree.ts'
import { abortable } from '../system/abortable.ts'

/** The sizes of batch files, in bytes, so that git need not be asked for them again. */
export class BatchSizes {
  private readonly known = new Map<string, number>()

  constructor(private readonly reader: GitReader) {}

  /** How many are known. */
  get count(): number {
    return this.known.size
  }

  add(oid: string, bytes: number): void {
    this.known.set(oid, bytes)
  }

  /** Forgets files that are not in a tree any more, once there may be more of them than of the others. */
  forgetReplaced(tree: LogTree): void {
    if (this.known.size <= 2 * tree.fileCount + FOLD_AFTER) return
    const kept = new Set(tree.directories.flatMap(({ files }) => files.map(({ oid }) => oid)))
    for (const oid of this.known.keys()) if (!kept.has(oid)) this.known.delete(oid)
  }

  /** The sizes of files, in their order. @throws ObjectMissingError, and the signal's reason */
  async of(files: readonly BatchFile[], signal?: AbortSignal): Promise<number[]> {
    const unknown = files.filter(({ oid }) => !this.known.has(oid)).map(({ oid }) => oid)
    const sizes = await abortable(this.reader.sizes(unknown), signal)
    for (const [at, oid] of unknown.entries()) this.known.set(oid, sizes[at]!)
    return files.map(({ oid }) => this.known.get(oid)!)
  }
}
