import { readFile } from 'node:fs/promises'
import { text as readText } from 'node:stream/consumers'
import { UsageError } from '../event/errors.ts'
import type { Json } from '../event/event.ts'
import { parseStrictJson } from '../event/strict-json.ts'
import { InputFileError } from './errors.ts'
import { standardInput } from './standard-input.ts'

/** JSON from the command line, standard input (`-`), or a file. */
export async function readJson(
  name: string,
  text: string | undefined,
  file: string | undefined,
  signal: AbortSignal,
): Promise<Json | undefined> {
  if (text !== undefined && file !== undefined) {
    throw new UsageError(`${name} and ${name}-file cannot both be given`)
  }
  if (file !== undefined) {
    const content = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new InputFileError(file, cause)
    })
    return parseStrictJson(content, { name: file })
  }
  if (text === undefined) return undefined
  return text === '-'
    ? parseStrictJson(await readText(standardInput(signal)), { name: 'standard input' })
    : parseStrictJson(text, { name })
}
