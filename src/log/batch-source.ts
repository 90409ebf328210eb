import { InvalidBatchError } from '../event/invalid-batch.ts'
import { decodeUtf8 } from '../event/lines.ts'
import type { BatchFile } from '../repository/batch-file.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { batchPath } from '../repository/layout.ts'
import type { LogTree } from '../repository/log-tree.ts'
import { Batch } from './batch.ts'
import { BatchCache } from './batch-cache.ts'
import type { Run } from './run.ts'

/** So much is kept of what was read for single events and streams. */
const CACHE_BYTES = 64 << 20

/** Reads batches from the repository and decodes them, whichever codec they are in. */
export class BatchSource {
  private readonly cache = new BatchCache(CACHE_BYTES)

  constructor(private readonly reader: GitReader) {}

  /**
   * One batch, from the cache if it is there. Its lines are scanned, and may be found invalid, when they are
   * asked for.
   *
   * @throws InvalidBatchError where it is YAML, ObjectMissingError, ObjectCorruptError
   */
  async load(file: BatchFile): Promise<Batch> {
    const known = this.cache.find(keyOf(file))
    if (known !== undefined) return known
    const { content } = await this.reader.read(file.oid)
    return this.keep(content, file)
  }

  /** Batches one after the other, each as `load` gives it. What is not in the cache is read ahead as far as there is room. */
  async *loadMany(files: readonly BatchFile[]): AsyncGenerator<Batch, undefined> {
    const known = files.map((file) => this.cache.find(keyOf(file)))
    const oids = files.flatMap(({ oid }, at) => (known[at] === undefined ? [oid] : []))
    const contents = this.reader.readMany(oids)[Symbol.asyncIterator]()
    try {
      for (const [at, file] of files.entries()) {
        yield known[at] ?? (await this.keep((await contents.next()).value.content, file))
      }
    } finally {
      await contents.return?.()
    }
    return undefined
  }

  private async keep(content: Buffer, file: BatchFile): Promise<Batch> {
    const batch = await decode(content, file)
    this.cache.add(keyOf(file), batch)
    return batch
  }

  /**
   * The batches that hold the events from a position on, in order: the first may begin before that position. Each
   * must end where the next begins. They are not kept, but the last is in the cache as a rule, since it was counted.
   *
   * @throws InvalidBatchError, ObjectMissingError, ObjectCorruptError
   */
  async *replay(tree: LogTree, from: number, signal?: AbortSignal): AsyncGenerator<Run> {
    const files = [...tree.filesFrom(from)]
    const last = files.at(-1)
    const known = last && this.cache.find(keyOf(last))
    const oids = (known === undefined ? files : files.slice(0, -1)).map(({ oid }) => oid)
    let at = 0
    for await (const { content } of this.reader.readMany(oids, signal)) {
      const file = files[at]!
      const { lines } = await decode(content, file)
      checkLength(file, lines.count, files[at + 1])
      yield { first: file.first, lines }
      at++
    }
    if (known !== undefined) yield known
  }
}

/** Another commit may hold the same bytes at another place, or as those of the other codec. */
function keyOf({ first, codec, oid }: BatchFile): string {
  return `${first} ${codec} ${oid}`
}

/** @throws InvalidBatchError unless the batch ends where the next one begins */
function checkLength(file: BatchFile, count: number, next: BatchFile | undefined): void {
  if (next === undefined || file.first + count === next.first) return
  const path = batchPath(next.first, next.codec)
  const isGap = file.first + count < next.first
  const problem = `${isGap ? 'leaves a gap' : 'begins too early'}: the file before it ends at position ${file.first + count - 1}`
  throw new InvalidBatchError(path, 1, problem, `a file named for position ${file.first + count}`)
}

async function decode(content: Buffer, { first, codec }: BatchFile): Promise<Batch> {
  const path = batchPath(first, codec)
  return new Batch(first, codec === 'yaml' ? await decodeYamlBatch(content, path) : content, path)
}

// The YAML parser is loaded by the first log that holds a YAML batch.
async function decodeYamlBatch(content: Buffer, path: string): Promise<Buffer> {
  const { decodeYaml } = await import('../event/yaml-codec.ts')
  return Buffer.from(await decodeYaml(decodeUtf8(content, path), path))
}
