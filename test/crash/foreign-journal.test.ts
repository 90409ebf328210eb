import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openFileJournal } from '../../src/journal/file-journal.ts'
import { FrameEncoder } from '../../src/journal/frame.ts'
import { groupEntries } from '../../src/journal/journal.ts'
import { diagnose, treat } from '../../src/log/diagnosis/diagnosis.ts'
import { appendEach, line, numbers, openLog, temporaryFolder } from '../log/event-log-fixture.ts'

test('a journal whose committed events are others than those of the branch is refused, not continued', async () => {
  const path = `${temporaryFolder()}/log.git`
  const before = await openLog(path)
  await appendEach(before, 's', 3)
  await before.close()
  const journal = await openFileJournal({ directory: `${path}/memoir/journal` })
  const lines = [1, 2, 3, 4].map((position) => line(position, { stream: 's' }))
  await journal.append(
    groupEntries([{ first: 1, count: 3, lines: Buffer.from(lines.slice(0, 3).join('')) }]),
    'durable',
  )
  await journal.append(groupEntries([{ first: 4, count: 1, lines: Buffer.from(lines[3]!) }]), 'durable')
  await journal.close()
  await expect(openLog(path)).rejects.toMatchObject({ code: 'log-diverged', unsealed: 4 })
})

test.for([
  { what: 'a line that says it holds three events', content: Buffer.from(line(1)), count: 3 },
  {
    what: 'a line that is not UTF-8',
    content: Buffer.from(line(1, { type: 'caf\xe9' }), 'latin1'),
    count: 1,
  },
])('a journal with $what is refused as damaged, and mended', async ({ content, count }) => {
  const path = `${temporaryFolder()}/log.git`
  await (await openLog(path)).close()
  const encoder = new FrameEncoder()
  encoder.encode({ first: 1, count, counts: [count], sizes: [content.length], content })
  const frame = encoder.seal({ first: 1, durable: 0, released: 0 })
  writeFileSync(`${path}/memoir/journal/000000000001.journal`, frame)
  await expect(openLog(path)).rejects.toMatchObject({ code: 'journal-corrupt', offset: 0 })
  const ailment = (await diagnose({ path })).find(({ code }) => code === 'journal-corrupt')
  await treat(ailment!, { path })
  expect(await numbers(await openLog(path))).toEqual([])
})
