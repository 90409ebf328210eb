import { expect, test } from 'vitest'
import { countOf, formatBytes } from '../../src/cli/number-text.ts'

test('counts and sizes read well', () => {
  expect([countOf(1, 'event'), countOf(8577, 'event'), countOf(0, 'event')]).toEqual([
    '1 event',
    '8,577 events',
    '0 events',
  ])
  expect([formatBytes(0), formatBytes(1023), formatBytes(1536), formatBytes(5 << 20)]).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '5.0 MiB',
  ])
})
