import type { ExpectedVersion } from '../event/condition.ts'
import { UsageError } from '../event/errors.ts'

/** A whole number from 0. @throws UsageError */
export function parseCount(text: string, form: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number
  throw new UsageError(`${form}: "${text}" is not a whole number from 0`)
}

/** A whole number from 1. @throws UsageError */
export function parsePlace(text: string, form: string): number {
  const number = parseCount(text, form)
  if (number > 0) return number
  throw new UsageError(`${form}: counting begins at 1`)
}

/** A point in time: a position is typed as digits; what else it may be, the log knows. */
export function parsePoint(text: string): number | string {
  return /^\d{1,16}$/.test(text) ? Number(text) : text
}

/** @throws UsageError */
export function parseExpectedVersion(text: string, form: string): ExpectedVersion {
  if (text === 'any' || text === 'no-stream' || text === 'stream-exists') return text
  if (/^\d+$/.test(text)) return parseCount(text, form)
  throw new UsageError(`${form}: "${text}" is no expected version`, {
    hint: 'Give a version from 0, or one of any, no-stream, stream-exists.',
  })
}

/** One of some words. The parser it returns throws a UsageError for any other. */
export function oneOf<Word extends string>(...words: readonly Word[]): (text: string, form: string) => Word {
  return (text, form) => {
    const word = words.find((one) => one === text)
    if (word !== undefined) return word
    throw new UsageError(`${form}: "${text}" is not known`, { hint: `Give one of ${words.join(', ')}.` })
  }
}
