import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/event/event.ts'
import { open } from '../../src/memoir.ts'
import { makeEmptyLog } from './empty-log.ts'
import { jsonLines, memoir, start, temporaryFolder } from './program.ts'

async function emptyLog() {
  const folder = await temporaryFolder()
  const cwd = folder.path
  await makeEmptyLog(join(cwd, 'log.git'))
  const log = (words: readonly string[], input = '') => memoir(['-C', 'log.git', ...words], { cwd, input })
  const events = async () => {
    await using opened = await open(join(cwd, 'log.git'), { watch: false })
    const found: RecordedEvent[] = []
    for await (const event of opened.read()) found.push(event)
    return found
  }
  return { cwd, log, events, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

const CASES = `case,activity,when,who,room
1,Opened,2026-01-01,ada,A
2,Opened,2026-01-03,bob,
1,Closed,2026-01-02,ada,A
`
const COLUMNS = [
  '--stream',
  'case',
  '--stream-prefix',
  'case-',
  '--type',
  'activity',
  '--time',
  'when',
  '--actor',
  'who',
]

describe('import', () => {
  test('stores the events of a feed as they come, with --batch 1', async () => {
    await using own = await emptyLog()
    const tail = start(['-C', 'log.git', 'tail', '--json'], { cwd: own.cwd })
    const feed = start(['-C', 'log.git', 'import', '-', '--format', 'jsonl', '--batch', '1'], {
      cwd: own.cwd,
    })
    feed.child.stdin.write('{"stream":"s","type":"First"}\n')
    await tail.prints('"First"')
    feed.child.stdin.end()
    tail.child.kill('SIGINT')
    expect([(await feed.ended).code, (await tail.ended).code]).toEqual([0, 130])
  })

  test('ends at an event of a feed that is refused, though no other comes', async () => {
    await using own = await emptyLog()
    const feed = start(['-C', 'log.git', 'import', '-', '--format', 'jsonl', '--batch', '1'], {
      cwd: own.cwd,
    })
    feed.child.stdin.write('{"stream":"s","type":"First"}\n{"stream":"s","type":"Second","tags":[""]}\n')
    const { code, stderr } = await feed.ended
    expect([code, stderr]).toEqual([2, expect.stringContaining('--skip 1')])
    expect(await own.events()).toHaveLength(1)
  })

  test('appends the rows of a table, ordered by time', async () => {
    await using own = await emptyLog()
    await writeFile(join(own.cwd, 'cases.csv'), CASES)
    const { code, stdout } = await own.log(['import', 'cases.csv', ...COLUMNS, '--sort'])
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^Imported 3 events into 2 streams in [\d.]+ s \([\d,]+\/s\), positions 1 to 3\n$/,
      ),
    ])
    expect(await own.events()).toMatchObject([
      {
        stream: 'case-1',
        type: 'Opened',
        time: '2026-01-01T00:00:00.000Z',
        data: { room: 'A' },
        metadata: { actor: 'ada' },
      },
      { stream: 'case-1', type: 'Closed', time: '2026-01-02T00:00:00.000Z' },
      { stream: 'case-2', type: 'Opened', time: '2026-01-03T00:00:00.000Z', data: {} },
    ])
  })

  test('takes events that are too large for one append together', async () => {
    await using own = await emptyLog()
    const text = '\u0001'.repeat(15_000)
    const lines = Array.from({ length: 120 }, (_, n) =>
      JSON.stringify({ stream: 's', type: 'T', data: { n, text } }),
    )
    const words = ['import', '-', '--format', 'jsonl', '--json']
    const { stdout } = await own.log(words, lines.join('\n'))
    expect(jsonLines(stdout)).toMatchObject([{ events: 120, firstPosition: 1, lastPosition: 120 }])
  })

  test('says in JSON what it did', async () => {
    await using own = await emptyLog()
    const words = ['import', '-', '--format', 'jsonl', '--json']
    const { stdout } = await own.log(words, '{"stream":"a","type":"A"}\n{"stream":"b","type":"B"}\n')
    expect(jsonLines(stdout)).toEqual([
      {
        events: 2,
        repeated: 0,
        streams: 2,
        line: 2,
        firstPosition: 1,
        lastPosition: 2,
        seconds: expect.any(Number),
        eventsPerSecond: expect.any(Number),
      },
    ])
  })

  test('takes CloudEvents, and stores nothing twice when they come again', async () => {
    await using own = await emptyLog()
    const event = {
      specversion: '1.0',
      id: '1',
      source: '/shop',
      type: 'Sold',
      subject: 'order-1',
      data: { n: 1 },
    }
    const words = ['import', '-', '--format', 'cloudevents']
    await own.log(words, JSON.stringify([event]))
    const { code } = await own.log(words, JSON.stringify([event]))
    expect(code).toBe(0)
    expect(await own.events()).toMatchObject([{ stream: 'order-1', type: 'Sold', data: { n: 1 } }])
  })

  test('takes the rest of a file of which a part is stored already, whatever the batches were', async () => {
    await using own = await emptyLog()
    const event = (id: string) =>
      `{"specversion":"1.0","id":"${id}","source":"/shop","type":"Sold","subject":"s-${id}"}\n`
    const words = ['import', '-', '--format', 'cloudevents', '--json']
    await own.log([...words, '--batch', '2'], ['a', 'b', 'c'].map(event).join(''))
    // It has grown, and two of its events came twice.
    const all = ['a', 'b', 'c', 'd', 'b', 'e', 'e', 'f'].map(event).join('')
    const { stdout } = await own.log(words, all)
    expect(jsonLines(stdout)).toMatchObject([
      { events: 3, repeated: 5, streams: 3, line: 8, firstPosition: 4, lastPosition: 6 },
    ])
    const stored = (await own.events()).map(({ stream }) => stream)
    expect(stored).toEqual(['s-a', 's-b', 's-c', 's-d', 's-e', 's-f'])
  })

  test('stops at an id that another stream has', async () => {
    await using own = await emptyLog()
    const event = (stream: string, id: string) => `{"stream":"${stream}","type":"T","id":"${id}"}\n`
    const words = ['import', '-', '--format', 'jsonl']
    await own.log(words, event('s', 'a'))
    const { code, stderr } = await own.log(words, `${event('s', 'b')}${event('t', 'a')}${event('s', 'c')}`)
    expect([code, stderr]).toEqual([
      4,
      expect.stringContaining(
        'Stopped: 1 event imported, the last from line 1. The batch from line 2 to line 2',
      ),
    ])
    expect((await own.events()).map(({ id }) => id)).toEqual(['a', 'b'])
  })

  test('counts what was stored already apart from what it imported', async () => {
    await using own = await emptyLog()
    const event = (id: string) => `{"stream":"s-${id}","type":"T","id":"${id}"}\n`
    const words = ['import', '-', '--format', 'jsonl', '--batch', '1']
    await own.log(words, `${event('a')}${event('b')}`)
    const all = ['a', 'b', 'c', 'a', 'c'].map(event).join('')
    const { stdout } = await own.log([...words, '--json'], all)
    expect(jsonLines(stdout)).toMatchObject([
      { events: 1, repeated: 4, streams: 1, line: 5, firstPosition: 3, lastPosition: 3 },
    ])
    const again = await own.log(words, all)
    expect(again.stdout).toMatch(
      /^Imported 0 events into 0 streams in [^,]*; 5 events were stored already\n$/,
    )
    expect((await own.log([...words, '--json'], all)).stdout).not.toContain('Position')
    const stopped = await own.log(words, `${event('d')}${event('a')}{"stream":"s"}\n`)
    expect(stopped.stderr).toContain(
      'Stopped: 1 event imported, 1 event stored already, the last from line 2. To go on, run it again with --skip 2.',
    )
    expect(await own.events()).toHaveLength(4)
  })

  test.each([1, 2, 500])('keeps the order of interleaved streams with --batch %i', async (batch) => {
    await using own = await emptyLog()
    const lines = Array.from({ length: 300 }, (_, at) => ({
      stream: `s-${(at * 7) % 13}`,
      type: 'T',
      data: { at },
    }))
    const text = lines.map((line) => JSON.stringify(line)).join('\n')
    await own.log(['import', '-', '--format', 'jsonl', '--batch', String(batch)], text)
    const events = await own.events()
    expect(events.map(({ data }) => data)).toEqual(lines.map(({ data }) => data))
  })

  test('names the line of a mistake, and how to go on; the mended rest completes the log', async () => {
    await using own = await emptyLog()
    const good = (n: number) => `{"stream":"s","type":"T","data":{"n":${n}}}\n`
    const words = ['import', '-', '--format', 'jsonl', '--batch', '2']
    const failed = await own.log(words, `${good(1)}${good(2)}${good(3)}{"stream":"s"}\n`)
    expect(failed.code).toBe(2)
    expect(failed.stderr).toContain('line 4')
    expect(failed.stderr).toContain(
      'Stopped: 2 events imported, the last from line 2. To go on, run it again with --skip 2.',
    )
    expect(await own.events()).toHaveLength(2)
    await own.log([...words, '--skip', '2'], [1, 2, 3, 4].map(good).join(''))
    expect((await own.events()).map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }])
  })

  test('a time that lies before the last one is refused with the way out', async () => {
    await using own = await emptyLog()
    const { code, stderr } = await own.log(['import', '-', '--format', 'csv', ...COLUMNS], CASES)
    expect([code, stderr]).toEqual([2, expect.stringContaining('Sort the input by time')])
    expect(stderr).toContain('The batch from line 4 to line 4 was refused.')
    expect(await own.events()).toHaveLength(2)
  })

  test.each([
    [['import', 'events.bin'], 'cannot be told from its name'],
    [['import', 'events.jsonl', '--type', 'kind'], '--type names a column: jsonl has none'],
    [['import', 'events.json', '--format', 'cloudevents', '--actor', 'who'], '--actor names a column'],
    [['import', 'nowhere.csv'], 'nowhere.csv cannot be read (ENOENT)'],
    [['import', 'events.csv', '--batch', '0'], 'counting begins at 1'],
    [['import', 'events.csv', '--format', 'xml'], 'Give one of csv, jsonl, cloudevents'],
  ])('%j is refused', async (words, said) => {
    await using own = await emptyLog()
    const { code, stderr } = await own.log(words)
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)])
  })

  test('Ctrl-C ends it after what is acknowledged, and says where to go on', async () => {
    await using own = await emptyLog()
    const line = (n: number) => `{"stream":"s-${n}","type":"T","data":{"n":${n}}}\n`
    const started = start(['-C', 'log.git', 'import', '-', '--format', 'jsonl', '--batch', '1'], {
      cwd: own.cwd,
    })
    // Standard input stays open: only the signal can end it.
    for (let n = 1; n <= 50; n++) started.child.stdin.write(line(n))
    await committed(own.log)
    started.child.kill('SIGINT')
    started.child.stdin.write(line(51))
    const { code, stderr } = await started.ended
    expect(code).toBe(130)
    const events = await own.events()
    expect(stderr).toContain(
      `Stopped: ${events.length} events imported, the last from line ${events.length}.`,
    )
    expect(stderr).toContain(`--skip ${events.length}`)
    expect(events.map(({ position }) => position)).toEqual([...events.keys()].map((at) => at + 1))
  })

  test('Ctrl-C while what it has appended cannot be committed yet ends it as well, and says what is stored', async () => {
    await using own = await emptyLog()
    const log = join(own.cwd, 'log.git')
    const lock = join(log, 'refs/heads/main.lock')
    writeFileSync(lock, '')
    const started = start(['-C', 'log.git', 'import', '-', '--format', 'jsonl'], { cwd: own.cwd })
    started.child.stdin.end('{"stream":"s","type":"First"}\n')
    await expect.poll(() => journalOf(log)).toContain('First')
    started.child.kill('SIGINT')
    await started.prints('Stopped: 1 event imported, the last from line 1.')
    rmSync(lock)
    expect(await started.ended).toMatchObject({ code: 130, stdout: '' })
    expect(await own.events()).toHaveLength(1)
  })
})

function journalOf(log: string): string {
  const folder = join(log, 'memoir/journal')
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('')
}

/** Resolves once another process has committed something. */
async function committed(
  log: (words: readonly string[]) => Promise<{ readonly stdout: string }>,
): Promise<void> {
  for (;;) {
    const { stdout } = await log(['status', '--json'])
    if (Number(jsonLines(stdout)[0]?.events) > 0) return
  }
}
