import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  batchName,
  batchPath,
  directoryName,
  directoryNumber,
  parseBatchName,
  parseDirectoryName,
} from '../../src/repository/layout.ts'

const positions = fc.integer({ min: 1, max: 999_999_999_999 })

describe('the layout', () => {
  test('puts a batch where the format says', () => {
    expect(batchPath(1, 'jsonl')).toBe('events/000000/000000000001.jsonl')
    expect(batchPath(999_999, 'yaml')).toBe('events/000000/000000999999.yaml')
    expect(batchPath(1_000_000, 'jsonl')).toBe('events/000001/000001000000.jsonl')
    expect(batchPath(999_999_999_999, 'jsonl')).toBe('events/999999/999999999999.jsonl')
  })

  test('reads back the names it gives', () => {
    fc.assert(
      fc.property(positions, fc.constantFrom('jsonl' as const, 'yaml' as const), (first, codec) => {
        expect(parseBatchName(batchName(first, codec))).toEqual({ first, codec })
        expect(parseDirectoryName(directoryName(first))).toBe(directoryNumber(first))
      }),
    )
  })

  test('sorts names as their positions', () => {
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        expect(batchPath(a, 'jsonl') < batchPath(b, 'jsonl')).toBe(a < b)
      }),
    )
  })

  test.each([0, -1, 1.5, 1e12, Number.NaN])('has no place for position %d', (first) => {
    expect(() => batchPath(first, 'jsonl')).toThrow(RangeError)
  })

  test.each([
    '000000000000.jsonl',
    '00000000001.jsonl',
    '0000000000001.jsonl',
    '000000000001.json',
    '000000000001',
    '000000000001.jsonl\n',
    ' 00000000001.jsonl',
    '-00000000001.jsonl',
  ])('takes %j for no batch', (name) => {
    expect(parseBatchName(name)).toBeUndefined()
  })

  test.each(['', '00000', '0000000', '00000a', '+00000'])('takes %j for no directory', (name) => {
    expect(parseDirectoryName(name)).toBeUndefined()
  })
})
