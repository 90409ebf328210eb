import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  progressParser,
  type TransferProgress,
  withoutProgress,
} from '../../src/repository/transfer-progress.ts'

const OUTPUT =
  "Cloning into bare repository 'a.git'...\nremote: Enumerating objects: 7, done.\n" +
  'remote: Counting objects:  42% (3/7)\rremote: Counting objects: 100% (7/7), done.\n' +
  'Receiving objects:  50% (5/10), 1.20 MiB | 2.00 MiB/s\rReceiving objects: 100% (10/10), done.\n'

const REPORTS: TransferProgress[] = [
  { phase: 'Counting objects', percent: 42, done: 3, total: 7 },
  { phase: 'Counting objects', percent: 100, done: 7, total: 7 },
  { phase: 'Receiving objects', percent: 50, done: 5, total: 10 },
  { phase: 'Receiving objects', percent: 100, done: 10, total: 10 },
]

describe('progressParser', () => {
  it('reports the same however the output is cut in pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(OUTPUT.length)), (cuts) => {
        const reports: TransferProgress[] = []
        const parse = progressParser((progress) => reports.push(progress))
        const ends = [...cuts.sort((a, b) => a - b), OUTPUT.length]
        for (const [index, end] of ends.entries()) parse(OUTPUT.slice(ends[index - 1] ?? 0, end))
        expect(reports).toEqual(REPORTS)
      }),
    )
  })

  it('keeps no line without an end, which a remote may print', () => {
    const reports: TransferProgress[] = []
    const parse = progressParser((progress) => reports.push(progress))
    const begun = performance.now()
    for (let piece = 0; piece < 10_000; piece++) parse('x'.repeat(1000))
    expect(performance.now() - begun).toBeLessThan(2000)
    parse(`\n${OUTPUT}`)
    expect(reports).toEqual(REPORTS)
  })
})

describe('withoutProgress', () => {
  it('keeps the last of what stood on each line, as a terminal shows it', () => {
    expect(withoutProgress(OUTPUT)).toBe(
      "Cloning into bare repository 'a.git'...\nremote: Enumerating objects: 7, done.\n" +
        'remote: Counting objects: 100% (7/7), done.\nReceiving objects: 100% (10/10), done.\n',
    )
    expect(withoutProgress('Receiving objects:  24% (35/144)\rfatal: write error\r\n\r\n\r')).toBe(
      'fatal: write error\n\n',
    )
  })

  it('takes no longer for what a remote makes of it', () => {
    for (const text of ['\r'.repeat(1 << 16), 'x'.repeat(1 << 16), `${'\r'.repeat(1 << 16)}x`]) {
      const start = performance.now()
      withoutProgress(text)
      expect(performance.now() - start).toBeLessThan(500)
    }
  })
})
