import { isUtf8 } from 'node:buffer'
import { buffer as readBytes } from 'node:stream/consumers'
import { UsageError } from '../event/errors.ts'
import type { Json } from '../event/event.ts'
import { MAX_DEPTH, parseStrictJson, StrictJsonError } from '../event/strict-json.ts'
import { InputFileError } from './errors.ts'
import { findInvalid } from './import/utf8.ts'
import { openInput, standardInput } from './input-stream.ts'

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
  return parseStrictJson(decode(await readBytes(standardInput(signal)), source), { name: source, maxDepth })
}

async function readFile(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readBytes(await openInput(path, signal))
  } catch (cause) {
    signal.throwIfAborted()
    throw new InputFileError(path, cause)
  }
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
