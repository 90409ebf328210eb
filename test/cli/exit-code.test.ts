import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { InterruptedError } from '../../src/cli/errors.ts'
import { ExitCode, exitCodeOf, findExitCode } from '../../src/cli/exit-code.ts'
import { StreamNotFoundError } from '../../src/log/errors.ts'

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url))

function codesInSource(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => {
      const text = readFileSync(join(SOURCE, path), 'utf8')
      return [...text.matchAll(/readonly code(?:: \w+)? = '([^']+)'/g)].map(([, code]) => code!)
    })
}

test('there are error codes to map', () => {
  expect(codesInSource().length).toBeGreaterThan(40)
})

test.each(codesInSource())('the error code %s has an exit code', (code) => {
  expect(Object.values(ExitCode)).toContain(findExitCode(code))
})

test('an error of Memoir ends with the exit code of its code', () => {
  expect(exitCodeOf(new StreamNotFoundError('a'))).toBe(3)
})

test('any other error ends with 1', () => {
  expect(exitCodeOf(new TypeError('x'))).toBe(1)
  expect(exitCodeOf('thrown text')).toBe(1)
})

test('the signals have the exit codes that shells give them', () => {
  expect(exitCodeOf(new InterruptedError('SIGINT'))).toBe(130)
  expect(exitCodeOf(new InterruptedError('SIGTERM'))).toBe(143)
  expect(exitCodeOf(new InterruptedError('SIGHUP'))).toBe(129)
})
