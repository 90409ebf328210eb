import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../repository/real-git.ts'
import { makeEmptyLog } from './empty-log.ts'
import { interrupt, PROMPT_MS } from './interrupted-fixture.ts'
import { jsonLines, memoir, type Started, start } from './program.ts'

/** A log, and a pipe with a name. */
async function prepare() {
  const folder = temporaryDirectory()
  const log = join(folder, 'log.git')
  const pipe = join(folder, 'feed.jsonl')
  execFileSync('mkfifo', [pipe])
  await makeEmptyLog(log)
  return {
    log,
    pipe,
    run: (words: readonly string[]) => memoir(['-C', log, ...words]),
    start: (words: readonly string[]) => killedAtTheEnd(start(['-C', log, ...words])),
    openPipe: async (): Promise<FileHandle> => {
      const writer = await openFile(pipe, 'w')
      onTestFinished(() => writer.close().catch(() => undefined))
      return writer
    },
  }
}

/** What hangs must not outlive its test. */
function killedAtTheEnd(started: Started): Started {
  onTestFinished(() => void started.child.kill('SIGKILL'))
  return started
}

/** What the last lock of a log says of its owner. */
function lastLock(log: string): string {
  const locks = readdirSync(join(log, 'memoir')).filter((name) => name.endsWith('.lock'))
  return readFileSync(join(log, 'memoir', locks.sort().at(-1)!), 'utf8')
}

const event = (n: number) => `{"stream":"s","type":"T","data":{"n":${n}}}\n`

describe('import from a pipe with a name', () => {
  test('takes what is written to it, by whoever comes later', async () => {
    const { pipe, run, start, openPipe } = await prepare()
    const importing = start(['import', pipe, '--json'])
    const writer = await openPipe()
    await writer.write(gzipSync([1, 2, 3].map(event).join('')))
    await writer.close()
    const { code, stdout } = await importing.ended
    expect([code, jsonLines(stdout)]).toMatchObject([0, [{ events: 3 }]])
    expect(jsonLines((await run(['read', '--json'])).stdout).map(({ data }) => data)).toEqual([
      { n: 1 },
      { n: 2 },
      { n: 3 },
    ])
  })

  test('Ctrl-C ends it at once while nothing comes, and gives the lock back', async () => {
    const { pipe, run, start, openPipe } = await prepare()
    const tail = start(['tail', '--json'])
    const importing = start(['import', pipe, '--batch', '1'])
    const writer = await openPipe()
    await writer.write(event(1))
    await tail.prints('"n":1')
    const { code, stderr, ms } = await interrupt(importing)
    expect([code, stderr]).toEqual([130, expect.stringContaining('--skip 1')])
    expect(ms).toBeLessThan(PROMPT_MS)
    expect(await run(['append', 's', 'T'])).toMatchObject({ code: 0, stderr: '' })
  })

  test('Ctrl-C ends it at once while nobody has opened the pipe', async () => {
    const { log, pipe, start } = await prepare()
    const importing = start(['import', pipe])
    await expect.poll(() => lastLock(log), { timeout: 20_000 }).toContain(`"pid":${importing.child.pid},`)
    const { code, ms } = await interrupt(importing)
    expect(code).toBe(130)
    expect(ms).toBeLessThan(PROMPT_MS)
  })

  test('a mistake ends it though the pipe stays open', async () => {
    const { pipe, start, openPipe } = await prepare()
    const importing = start(['import', pipe])
    const writer = await openPipe()
    await writer.write('{"stream":"s"}\n')
    expect(await importing.ended).toMatchObject({ code: 2, stderr: expect.stringContaining('line 1') })
  })
})

test('Ctrl-C ends an append at once whose data comes from a pipe with a name', async () => {
  const { pipe, start, openPipe } = await prepare()
  const append = start(['append', 's', 'T', '--data-file', pipe])
  await (await openPipe()).write('{')
  const { code, stdout, stderr, ms } = await interrupt(append)
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: '' })
  expect(ms).toBeLessThan(PROMPT_MS)
})
