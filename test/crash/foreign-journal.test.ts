import { expect, test } from 'vitest'
import { openFileJournal } from '../../src/journal/file-journal.ts'
import { groupEntries } from '../../src/journal/journal.ts'
import { appendEach, line, openLog, temporaryFolder } from '../log/event-log-fixture.ts'

test('a journal whose committed events are others than those of the branch is refused, not continued', async () => {
  const path = `${temporaryFolder()}/log.git`
  const before = await openLog(path)
  await appendEach(before, 's', 3)
  await before.close()
  const journal = await openFileJournal({ directory: `${path}/memoir/journal` })
  const lines = [1, 2, 3, 4].map((position) => line(position, { stream: 's' }))
  await journal.append(groupEntries([{ first: 1, count: 3, lines: lines.slice(0, 3).join('') }]), 'durable')
  await journal.append(groupEntries([{ first: 4, count: 1, lines: lines[3]! }]), 'durable')
  await journal.close()
  await expect(openLog(path)).rejects.toMatchObject({ code: 'log-diverged', unsealed: 4 })
})
