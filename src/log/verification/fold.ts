import { createHash } from 'node:crypto'
import { InvalidBatchError } from '../../event/invalid-batch.ts'
import { Lines } from '../../event/lines.ts'
import type { BatchFile } from '../../repository/batch-file.ts'
import type { Turns } from './reading.ts'
import { pathOfFile } from './tree.ts'

/** Gives the content of a batch file. */
export type ReadBatch = (file: BatchFile) => Promise<Buffer>

/**
 * Compares the events of files that a commit removed with those of the files it put in their place.
 *
 * A fold writes the same bytes into fewer files, which is seen without looking at events. Only where that
 * is not so are the events compared, one by one, whatever layout or codec they are written in.
 *
 * @returns the first position at which they differ, or undefined when all that was removed is there again
 */
export async function findChangedPosition(
  removed: readonly BatchFile[],
  added: readonly BatchFile[],
  read: ReadBatch,
  turns: Turns,
): Promise<number | undefined> {
  if (await isJoined(removed, added, read, turns)) return undefined
  const news = placedLines(added, read, turns)
  for await (const { position, line } of placedLines(removed, read, turns)) {
    const other = await news.next()
    if (other.done === true || other.value.position !== position || other.value.line !== line) return position
  }
  return undefined
}

/** Whether each added file holds, byte for byte, the removed ones from its position to the next one's. */
async function isJoined(
  removed: readonly BatchFile[],
  added: readonly BatchFile[],
  read: ReadBatch,
  turns: Turns,
): Promise<boolean> {
  let used = 0
  for (const [at, file] of added.entries()) {
    const end = added[at + 1]?.first ?? Number.POSITIVE_INFINITY
    if (removed[used]?.first !== file.first) return false
    const joined = createHash('sha1')
    for (let part = removed[used]; part !== undefined && part.first < end; part = removed[++used]) {
      if (part.codec !== file.codec) return false
      joined.update(await read(part))
      await turns.take()
    }
    const wanted = createHash('sha1').update(await read(file))
    if (joined.digest('hex') !== wanted.digest('hex')) return false
  }
  return used === removed.length
}

async function* placedLines(
  files: readonly BatchFile[],
  read: ReadBatch,
  turns: Turns,
): AsyncGenerator<{ readonly position: number; readonly line: string }> {
  for (const file of files) {
    const lines = (await canonicalText(await read(file), file)).split('\n')
    await turns.take()
    for (const [at, line] of lines.entries()) if (line !== '') yield { position: file.first + at, line }
  }
}

/** The events in their canonical form; as they stand where they have none. */
async function canonicalText(content: Buffer, file: BatchFile): Promise<string> {
  try {
    if (file.codec === 'jsonl') return Lines.fromBytes(content, pathOfFile(file)).text
    const { decodeYaml } = await import('../../event/yaml-codec.ts')
    return await decodeYaml(content.toString('utf8'), pathOfFile(file))
  } catch (error) {
    if (error instanceof InvalidBatchError) return content.toString('latin1')
    throw error
  }
}

/**
 * How many events a batch file holds. Files that Memoir wrote are counted without parsing.
 *
 * @returns undefined for a YAML file that cannot be read: what is wrong is told where its events are checked
 */
export async function countEvents(content: Buffer, file: BatchFile): Promise<number | undefined> {
  if (file.codec === 'jsonl') return countLineFeeds(content)
  const { canConcatenate, decodeYaml } = await import('../../event/yaml-codec.ts')
  const text = content.toString('utf8')
  if (canConcatenate(text)) return text.match(/^-(?= |$)/gm)?.length ?? 0
  try {
    return countLineFeeds(Buffer.from(await decodeYaml(text, pathOfFile(file))))
  } catch (error) {
    if (error instanceof InvalidBatchError) return undefined
    throw error
  }
}

function countLineFeeds(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count++
  return count
}
