import type { Codec } from '../event/event.ts'
import type { BatchFile } from '../repository/batch-file.ts'
import { MAX_BATCH_BYTES } from '../repository/layout.ts'
import { type EncodedObject, encodeObject } from '../repository/object.ts'
import type { CommitChange } from './committer.ts'
import type { LogIndex } from './log-index.ts'
import type { SealPlan } from './tail.ts'

/** How many bytes of JSON lines make a batch: as YAML they take up to twice the room. */
export function batchBytes(codec: Codec): number {
  return codec === 'yaml' ? MAX_BATCH_BYTES / 2 : MAX_BATCH_BYTES
}

/** What the commit of a planned batch changes; its events are in the index. */
export async function batchChange(
  { first, count, content }: SealPlan,
  index: LogIndex,
  codec: Codec,
): Promise<CommitChange> {
  const { blob, file } = await encodeBatch(content, first, codec)
  const numbers = new Set<number>()
  for (let position = first; position < first + count; position++) numbers.add(index.streamNumber(position))
  const streams = [...numbers].map((number) => index.streams.name(number))
  return {
    summary: { kind: 'append', first, count, streams },
    blobs: [blob],
    tree: { remove: [], add: [file] },
    position: first + count - 1,
  }
}

/** The blob of a batch in the codec of the log, from the parts of its JSON lines. */
async function encodeBatch(
  content: readonly Buffer[],
  first: number,
  codec: Codec,
): Promise<{ readonly blob: EncodedObject; readonly file: BatchFile }> {
  const yaml = codec === 'yaml' ? await toYaml(content) : undefined
  const blob = encodeObject('blob', ...(yaml === undefined ? content : [yaml]))
  return { blob, file: { first, codec: yaml === undefined ? 'jsonl' : 'yaml', oid: blob.oid } }
}

/** Undefined where YAML takes more than twice the room, as of characters that it holds as escapes only: readers may refuse that. */
async function toYaml(lines: readonly Buffer[]): Promise<Buffer | undefined> {
  const { encodeYaml } = await import('../event/yaml-codec.ts')
  const json = Buffer.concat(lines)
  const yaml = Buffer.from(encodeYaml(json.toString()))
  return yaml.length > 2 * json.length ? undefined : yaml
}
