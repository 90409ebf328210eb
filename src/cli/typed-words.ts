import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { UsageError } from '../event/errors.ts'

/**
 * Refuses a command line that was not typed in UTF-8: Node puts U+FFFD in place of such bytes, and two names
 * could become one. Only Linux tells what was typed; elsewhere it is taken as it is.
 *
 * @throws UsageError
 */
export function checkTyped(words: readonly string[]): void {
  // The usual case costs no look at a file.
  if (!words.some((word) => word.includes('\ufffd'))) return
  const at = typedBytes(words.length).findIndex((bytes) => !isUtf8(bytes))
  if (at === -1) return
  throw new UsageError(`word ${at + 1} of the command line is not UTF-8`, {
    hint: 'Look at the encoding of the terminal or the script: it may be Latin-1 or Windows-1252.',
  })
}

/** The last so many words of the command line, as the system has them. */
function typedBytes(count: number): readonly Buffer[] {
  try {
    const words = readFileSync('/proc/self/cmdline', 'latin1').replace(/\0$/, '').split('\0')
    return words.slice(-count).map((word) => Buffer.from(word, 'latin1'))
  } catch {
    return []
  }
}
