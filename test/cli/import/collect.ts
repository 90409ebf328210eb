import { ImportError } from '../../../src/cli/import/imported-event.ts'

/** A file's bytes, in pieces of this many. */
export async function* bytesOf(
  content: string | Uint8Array,
  pieceLength = 1 << 16,
): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content as string)
  for (let at = 0; at < bytes.length; at += pieceLength) yield bytes.subarray(at, at + pieceLength)
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export async function errorOf(items: AsyncIterable<unknown>): Promise<ImportError> {
  const error: unknown = await collect(items).catch((error: unknown) => error)
  if (error instanceof ImportError) return error
  throw error instanceof Error ? error : new Error('the file was accepted')
}
