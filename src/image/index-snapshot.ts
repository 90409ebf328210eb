import { LogIndex } from '../log/log-index.ts'

/** The parts of a log's index for a snapshot file: its names and its columns. */
export function encodeIndex(index: LogIndex): (readonly Uint8Array[])[] {
  const layout = index.columns.map(({ length }) => length)
  const about = {
    streams: index.streams.all(),
    types: index.types.all(),
    tags: index.tags.names.all(),
    layout,
  }
  return [[Buffer.from(JSON.stringify(about))], ...index.columns.map((column) => [...column.parts()])]
}

/**
 * The index that such parts hold. It goes on using their memory: nothing is copied, so a million events
 * cost little more than the names of their streams. Undefined if the parts have another layout.
 */
export function decodeIndex(parts: readonly Buffer[]): LogIndex | undefined {
  const [names, ...columns] = parts
  const index = new LogIndex()
  if (names === undefined || columns.length !== index.columns.length) return undefined
  const about: {
    readonly streams: readonly string[]
    readonly types: readonly string[]
    readonly tags: readonly string[]
    readonly layout: readonly number[]
  } = JSON.parse(names.toString('utf8'))
  for (const [at, column] of index.columns.entries()) {
    const bytes = columns[at]!
    const length = about.layout[at]!
    const { buffer, byteOffset } = bytes
    // A column takes 8 bytes an entry, or 4.
    const isWide = length > 0 && bytes.length === length * Float64Array.BYTES_PER_ELEMENT
    column.adopt(
      isWide ? new Float64Array(buffer, byteOffset, length) : new Uint32Array(buffer, byteOffset, length),
    )
  }
  index.streams.addAll(about.streams)
  index.types.addAll(about.types)
  index.tags.names.addAll(about.tags)
  return index
}
