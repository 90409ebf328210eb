import { expect, test } from 'vitest'
import { describeError, unfoldError } from '../../src/cli/error-report.ts'
import { SealFailedError, StreamNotFoundError } from '../../src/log/errors.ts'
import { GitFailedError, RemoteFailedError } from '../../src/repository/git-process-errors.ts'

test('says what, and what next', () => {
  expect(describeError(new StreamNotFoundError('a'), false)).toBe(
    'memoir: there is no stream "a"\n  hint: See `log.streams()` or `memoir streams` for those there are.',
  )
})

test('says the cause, unless the message has said it', () => {
  const cause = new GitFailedError(['push'], 128, 'fatal: no such host')
  expect(describeError(new RemoteFailedError('origin', 'network', { cause }), false)).toContain(
    '  cause: git push exited with 128: fatal: no such host',
  )
  expect(describeError(new SealFailedError(3, new Error('disk on fire')), false)).not.toContain('cause:')
})

test('an error from elsewhere says how to learn more', () => {
  expect(describeError(new TypeError('x is not a function'), false)).toBe(
    'memoir: x is not a function\n  hint: Run it again with --debug to see where it failed.',
  )
})

test('a tab that indents a line of what git says is shown as spaces', () => {
  const told =
    "fatal: detected dubious ownership\nTo add an exception:\n\n\tgit config --add safe.directory '/a\tb'"
  expect(describeError(new GitFailedError(['fetch'], 128, told), false)).toContain(
    "\n    git config --add safe.directory '/a\\u0009b'",
  )
})

test('names cannot write to the terminal', () => {
  expect(describeError(new StreamNotFoundError('\u001b[2J'), false)).toContain('"\\u001b[2J"')
  expect(describeError(new StreamNotFoundError('\u001b[2J'), true)).not.toContain('\u001b')
})

test('a failure comes before what failed when the log was closed after it', async () => {
  const fail = async () => {
    await using _log = { [Symbol.asyncDispose]: () => Promise.reject(new Error('closing')) }
    throw new Error('appending')
  }
  const thrown: unknown = await fail().catch((error: unknown) => error)
  expect(unfoldError(thrown)).toEqual([new Error('appending'), new Error('closing')])
  expect(unfoldError('text')).toEqual(['text'])
})
