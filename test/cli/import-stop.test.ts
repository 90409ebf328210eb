import { expect, test } from 'vitest'
import type { ImportedEvent } from '../../src/cli/import/imported-event.ts'
import { ImportRun } from '../../src/cli/import-run.ts'
import { describeStop } from '../../src/cli/import-stop.ts'
import { open } from '../../src/memoir.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { forgetLocks } from '../crash/observation.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'

async function* eventsFrom(first: number, last: number): AsyncGenerator<ImportedEvent> {
  for (let n = first; n <= last; n++) yield { stream: 's', event: { type: 'T', data: { n } }, line: n }
}

test('an import that the disk stopped does not say that a batch was refused which may be stored', async () => {
  const path = `${temporaryFolder()}/log.git`
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await open(path, { ports: { fileSystem }, seal: { afterMs: 3_600_000 } })
  const run = new ImportRun(log, () => undefined)
  await run.run(eventsFrom(1, 2), 2)
  // The disk takes the next batch, and says then that it has not.
  fileSystem.fail({
    on: ({ method, path }) => method === 'write' && path.includes('/journal/'),
    effect: { kind: 'error', code: 'EIO', late: true },
  })
  const error = await run.run(eventsFrom(3, 4), 2).catch((error: unknown) => error)
  await log.close()
  forgetLocks(path)

  expect(error).toMatchObject({ code: 'journal-failed' })
  expect(describeStop(run, error, 0)).toBe(
    'Stopped: 2 events imported, the last from line 2. Whether the batch from line 3 to line 4 is stored is not known: look at the end of the log. To go on, run it again with --skip 4 if it is, else with --skip 2.',
  )
  await using again = await open(path)
  expect(again.status().events).toBe(4)
})
