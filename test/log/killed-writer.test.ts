import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { fsck, openLog, readAll, temporaryFolder } from './event-log-fixture.ts'

const WRITER = `
  import { writeSync } from 'node:fs'
  import { open } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
  const log = await open(process.argv[1], { seal: { afterMs: 3, maxBytes: 5000 } })
  const append = async (worker) => {
    for (let number = 0; ; number++) {
      const token = process.pid + '-' + worker + '-' + number
      const ack = ['written', 'journaled', 'committed'][number % 3]
      const streams = ['a', 'b'].map((stream) => ({ stream, events: [{ type: 'Counted', data: { token } }] }))
      await log.append(streams, { ack })
      writeSync(1, token + '\\n')
    }
  }
  for (let worker = 0; worker < 4; worker++) append(worker)
`

test('has every acknowledged event once, in whole appends, however often the writer is killed', async () => {
  const folder = `${temporaryFolder()}/log.git`
  const acknowledged = new Set<string>()
  for (let round = 0; round < 10; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let lines = 0
    for await (const token of createInterface({ input: child.stdout })) {
      acknowledged.add(token)
      if (++lines === 1 + round * round * 4) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    expect(child.signalCode).toBe('SIGKILL')
  }
  const opened = await openLog(folder)
  const events = await readAll(opened)
  expect(events.map(({ position }) => position)).toEqual(events.map((_, at) => at + 1))
  const tokens = events.map(({ data }) => (data as { token: string }).token)
  expect(new Set(tokens).size * 2).toBe(tokens.length)
  for (let at = 0; at < tokens.length; at += 2) expect(tokens[at]).toBe(tokens[at + 1])
  expect([...acknowledged].filter((token) => !tokens.includes(token))).toEqual([])
  await opened.close()
  expect(fsck(folder)).toBe('')
})
