import { inspect } from 'node:util'
import { MemoirError, messageOf } from '../event/errors.ts'
import { printableLines } from './terminal-text.ts'

/**
 * What is said of an error: what and where, then what to do next. With `debug`, everything that is known,
 * stack and causes included.
 */
export function describeError(error: unknown, debug: boolean): string {
  if (debug) return printableLines(`memoir: ${inspect(error)}`)
  const message = messageOf(error)
  const lines = [`memoir: ${message}`]
  const cause = error instanceof Error ? causeOf(error, message) : undefined
  if (cause !== undefined) lines.push(`  cause: ${cause}`)
  const hint = error instanceof MemoirError ? error.hint : 'Run it again with --debug to see where it failed.'
  if (hint !== undefined) lines.push(`  hint: ${hint}`)
  return lines.map((line) => printableLines(line).replaceAll('\n', '\n  ')).join('\n')
}

/** What the innermost cause says, unless the message has said it already. */
function causeOf(error: Error, message: string): string | undefined {
  let { cause } = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  if (!(cause instanceof Error)) return undefined
  return message.includes(cause.message) ? undefined : cause.message
}

/** What was thrown: the first failure, then those of the clean-up that it led to. */
export function unfoldError(thrown: unknown): readonly [first: unknown, ...later: unknown[]] {
  if (!(thrown instanceof Error && 'suppressed' in thrown && 'error' in thrown)) return [thrown]
  return [...unfoldError(thrown.suppressed), ...unfoldError(thrown.error)]
}
