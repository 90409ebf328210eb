import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCsv } from '../../../src/cli/import/csv.ts'
import { bytesOf, collect, errorOf } from './collect.ts'

const HEADER = 'stream,type,time,actor,amount\n'

describe('readCsv', () => {
  it('finds the separator of a header that comes in pieces, with a line break in a name', async () => {
    const text = '"first\nsecond";stream;type\n1;s;T\n'
    for (const size of [1, 8, 100]) {
      const events = await collect(readCsv(bytesOf(text, size)))
      expect(events.map(({ event }) => event)).toEqual([{ type: 'T', data: { 'first\nsecond': '1' } }])
    }
  })

  it('reads a header of as many columns as somebody may write', async () => {
    const names = Array.from({ length: 100_000 }, (_, n) => n)
    const start = performance.now()
    const events = await collect(readCsv(bytesOf(`stream,type,${names.join()}\n`)))
    expect(events).toEqual([])
    expect(performance.now() - start).toBeLessThan(5000)
  })

  // The first 30 events of "Receipt phase of an environmental permit application process (WABO), CoSeLoG
  // project" by J.C.A.M. Buijs, doi 10.4121/uuid:a07386a5-7be3-4367-9535-70bc9e77dbe6.
  it('reads a real log', async () => {
    const bytes = await readFile(new URL('./receipt-sample.csv', import.meta.url))
    const events = await collect(
      readCsv(bytesOf(bytes, 100), {
        stream: 'case:concept:name',
        type: 'concept:name',
        time: 'time:timestamp',
        actor: 'org:resource',
      }),
    )
    expect(events).toHaveLength(30)
    expect(events[0]).toEqual({
      stream: 'case-10011',
      event: {
        type: 'Confirmation of receipt',
        time: '2011-10-11T11:45:40.276Z',
        data: {
          'case:channel': 'Internet',
          'case:deadline': '2011-12-06 13:41:31.788000+01:00',
          'case:department': 'General',
          'case:enddate_planned': '2011-12-06 13:41:31.788000+01:00',
          'case:group': 'Group 2',
          'case:responsible': 'Resource21',
          'case:startdate': '2011-10-11 13:42:22.688000+02:00',
          'concept:instance': 'task-42933',
          'lifecycle:transition': 'complete',
          'org:group': 'Group 1',
        },
        metadata: { actor: 'Resource21' },
      },
      line: 2,
    })
    expect(events.at(-1)?.line).toBe(31)
  })

  it('reads the columns stream, type, time and actor unless told otherwise, and keeps cells as text', async () => {
    const text = `${HEADER}a,Paid,2011-10-11,zoe,007\nb,Paid,2011-10-12,,1e5\n`
    expect(await collect(readCsv(bytesOf(text), { streamPrefix: 'account-' }))).toEqual([
      {
        stream: 'account-a',
        event: {
          type: 'Paid',
          time: '2011-10-11T00:00:00.000Z',
          data: { amount: '007' },
          metadata: { actor: 'zoe' },
        },
        line: 2,
      },
      {
        stream: 'account-b',
        event: { type: 'Paid', time: '2011-10-12T00:00:00.000Z', data: { amount: '1e5' } },
        line: 3,
      },
    ])
  })

  it('gives back every cell, however it is quoted and wherever the file is cut', async () => {
    const cell = fc.string({ unit: fc.constantFrom(...'ab ,;"\n\r\té😀') })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 8 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 20 }),
        async (rows, separator, end, pieceLength) => {
          const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
          const text = [['stream', 'type', 'x', 'y'], ...rows.map((cells) => ['s', 'T', ...cells])]
            .map((cells) => cells.map(quote).join(separator) + end)
            .join('')
          const events = await collect(readCsv(bytesOf(text, pieceLength), { separator }))
          expect(events.map(({ event }) => event.data)).toEqual(
            rows.map(([x, y]) => ({ ...(x === '' ? {} : { x }), ...(y === '' ? {} : { y }) })),
          )
          const firstRows = text.split(`"s"`).slice(0, -1)
          let line = 1
          expect(events.map((event) => event.line)).toEqual(
            firstRows.map((before) => {
              line += before.split('\n').length - 1
              return line
            }),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  it.each([',', ';', '\t', '|'])('guesses the separator %j from the header', async (separator) => {
    const text = `${HEADER}a,T,2011-10-11,,5\n`.replaceAll(',', separator)
    const [first] = await collect(readCsv(bytesOf(text, 3)))
    expect(first?.event.data).toEqual({ amount: '5' })
  })

  it('skips blank lines, drops a byte order mark, and does without a last line feed', async () => {
    const events = await collect(readCsv(bytesOf('\ufeffstream,type\n\na,T\n\n\nb,T', 1)))
    expect(events.map(({ stream, line }) => [stream, line])).toEqual([
      ['a', 3],
      ['b', 6],
    ])
  })

  it.each([
    ['\n', '\r\n'],
    ['\r\n', '\n'],
    ['\r', '\r'],
  ])('takes rows that end with %j and with %j, wherever the file is cut', async (first, second) => {
    const text = `stream,type,x${first}a,T,1${second}b,T,"2${first}${second}"${first}c,T,3${second}`
    for (let piece = 1; piece <= text.length; piece++) {
      const events = await collect(readCsv(bytesOf(text, piece)))
      const cells = ['1', `2${first}${second}`, '3']
      expect(events.map(({ event }) => event.data)).toEqual(cells.map((x) => ({ x })))
    }
  })

  it('names a column without a name after its place, and keeps one called __proto__', async () => {
    const [first] = await collect(readCsv(bytesOf(',stream,type,__proto__\n0,a,T,x\n')))
    expect(Object.entries(first?.event.data as object)).toEqual([
      ['column 1', '0'],
      ['__proto__', 'x'],
    ])
  })

  it('lists the columns there are when a named one is missing', async () => {
    const error = await errorOf(readCsv(bytesOf(HEADER), { stream: 'case' }))
    expect(error).toMatchObject({ code: 'invalid-import', line: 1 })
    expect(error.message).toContain('no column "case" for the stream')
    expect(error.hint).toContain('stream, type, time, actor, amount')
  })

  it('lists some of very many columns, and says how many more there are', async () => {
    const names = Array.from({ length: 200_000 }, (_, at) => `field-${at}`)
    const error = await errorOf(readCsv(bytesOf(`${names.join(',')}\n`)))
    expect(error.hint).toContain('The columns are: field-0, field-1, ')
    expect(error.hint).toMatch(/, and 199,9\d\d more\.$/)
    expect(error.hint?.length).toBeLessThan(1000)
    const long = await errorOf(readCsv(bytesOf(`${'x'.repeat(100_000)},y\n`)))
    expect(long.hint?.length).toBeLessThan(1000)
    expect(long.hint).toContain('xxx…, and 1 more.')
  })

  it.each([
    ['an empty file', '', undefined, 'empty'],
    ['two columns of one name', 'stream,type,a,a\n', 1, 'two columns'],
    ['a row with too few cells', `${HEADER}a,T\n`, 2, '2 cells, the header has 5'],
    ['a row with too many cells', `${HEADER}"a\nb",T,2011-10-11,,\na,T,2011-10-11,,5,secret\n`, 4, '6 cells'],
    ['no stream', `${HEADER},T,2011-10-11,,secret\n`, 2, '"stream" is empty'],
    ['no type', `${HEADER}a,,2011-10-11,,secret\n`, 2, '"type" is empty'],
    ['no time in a time column', `${HEADER}a,T,,,secret\n`, 2, '"time" holds no time'],
    ['a time that is none', `${HEADER}a,T,secret,,5\n`, 2, '"time" holds no time'],
    [
      'a quote that is never closed',
      `${HEADER}a,T,2011-10-11,,5\na,T,"secret\nmore`,
      4,
      'row 3 is never closed',
    ],
    ['a quote after its cell began', `${HEADER}a,T,2011-10-11,,se"cret\n`, 2, 'middle of a cell'],
    ['text after a closing quote', `${HEADER}a,T,2011-10-11,,"se"cret\n`, 2, 'middle of a cell'],
  ])('refuses %s, with the line and without the data', async (_, text, line, problem) => {
    const error = await errorOf(readCsv(bytesOf(text)))
    expect(error.line).toBe(line)
    expect(error.message).toContain(problem)
    expect(error.message + error.hint).not.toContain('secret')
  })

  it('closes its source when the reader stops early', async () => {
    let isClosed = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from('stream,type\n')
        for (;;) yield Buffer.from('a,T\n'.repeat(1000))
      } finally {
        isClosed = true
      }
    }
    for await (const event of readCsv(endless())) if (event.line > 5000) break
    await expect.poll(() => isClosed).toBe(true)
  })

  it('reads a million rows in flat memory', async () => {
    const rows = 1_000_000
    async function* generate(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(HEADER)
      for (let row = 0; row < rows; row += 1000) {
        const lines = Array.from(
          { length: 1000 },
          (_, i) => `account-${i},Paid,2011-10-11 13:45:40.276000+02:00,zoe,${row + i}\n`,
        )
        yield Buffer.from(lines.join(''))
      }
    }
    const before = process.memoryUsage().heapUsed
    let highest = 0
    let count = 0
    for await (const _ of readCsv(generate())) {
      if (++count % 50_000 === 0) highest = Math.max(highest, process.memoryUsage().heapUsed)
    }
    expect(count).toBe(rows)
    // Kept in memory, the rows would take several hundred megabytes.
    expect(highest - before).toBeLessThan(120e6)
  })
})
