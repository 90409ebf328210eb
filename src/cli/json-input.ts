import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { UsageError } from '../event/errors.ts'
import type { Json } from '../event/event.ts'
import { MAX_DEPTH, parseStrictJson, StrictJsonError } from '../event/strict-json.ts'
import { InputFileError } from './errors.ts'
import { findInvalid } from './import/utf8.ts'
import { openInput, standardInput } from './input-stream.ts'

/** What an append may hold, with much white space. */
const MAX_BYTES = 1 << 25

/**
 * JSON from the command line, standard input (`-`), or a file.
 *
 * @param maxDepth levels of nesting that are accepted
 */
export async function readJson(
  name: string,
  text: string | undefined,
  file: string | undefined,
  signal: AbortSignal,
  maxDepth = MAX_DEPTH,
): Promise<Json | undefined> {
  if (text !== undefined && file !== undefined) {
    throw new UsageError(`${name} and ${name}-file cannot both be given`)
  }
  if (file !== undefined) {
    return parseStrictJson(decode(await readFile(file, signal), file), { name: file, maxDepth })
  }
  if (text === undefined) return undefined
  if (text !== '-') return parseStrictJson(text, { name, maxDepth })
  const source = 'standard input'
  const content = await readBytes(standardInput(signal), source)
  return parseStrictJson(decode(content, source), { name: source, maxDepth })
}

async function readFile(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readBytes(await openInput(path, signal), path)
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof UsageError) throw cause
    throw new InputFileError(path, cause)
  }
}

/** @throws UsageError for more than any append may hold: the input may be endless */
async function readBytes(input: Readable, source: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of input) {
    length += piece.length
    if (length > MAX_BYTES) {
      throw new UsageError(`${source} holds more than ${MAX_BYTES} bytes`, {
        hint: 'All that is appended at once takes at most 8 MiB.',
      })
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** Without its byte order mark. What is not UTF-8 would become U+FFFD, and be stored so. */
function decode(bytes: Buffer, source: string): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes)
  const lines = bytes.subarray(0, findInvalid(bytes)).toString().split('\n')
  throw new StrictJsonError(
    lines.length,
    lines.at(-1)!.length + 1,
    'bytes that are not UTF-8',
    'Save it as UTF-8; it may be Latin-1 or Windows-1252.',
    source,
  )
}
