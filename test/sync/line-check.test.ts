import { join } from 'node:path'
import { expect, test } from 'vitest'
import { follow } from '../../src/follow.ts'
import { clone, open } from '../../src/memoir.ts'
import type { Log } from '../../src/opened-log.ts'
import type { TransferProgress } from '../../src/repository/transfer-progress.ts'
import { restore } from '../../src/restore.ts'
import { temporaryFolder } from '../log/log-fixture.ts'

const COMMITS = 5

async function commitEvents(log: Log): Promise<void> {
  for (let n = 0; n < COMMITS; n++) await log.append('stream', [{ type: 'Counted' }], { ack: 'committed' })
}

/** The last of what is told of each phase. */
function lastTold() {
  const told: Record<string, string> = {}
  const tell = ({ phase, percent, done, total }: TransferProgress) => {
    told[phase] = `${done} of ${total}, ${percent} %`
  }
  return { told, tell }
}

test('a backup, a restore, a pull and a first fetch tell how many commits they have checked', async () => {
  const folder = temporaryFolder()
  const [path, copy, backup] = ['log.git', 'copy.git', 'backup'].map((name) => join(folder, name))
  await using log = await open(path!)
  await using behind = await clone(path!, copy!, { watch: false })
  await commitEvents(log)

  const backedUp = lastTold()
  await log.backup(backup!, { onProgress: backedUp.tell })
  const all = `${COMMITS + 1} of ${COMMITS + 1}, 100 %`
  expect(backedUp.told).toMatchObject({ 'Checking commits': all })

  const restored = lastTold()
  await restore(backup!, join(folder, 'restored.git'), { onTransfer: restored.tell })
  expect(restored.told).toMatchObject({ 'Checking commits': all })

  const pulled = lastTold()
  await behind.pull('origin', { onProgress: pulled.tell })
  expect(pulled.told).toMatchObject({ 'Checking commits': `${COMMITS} of ${COMMITS}, 100 %` })

  const followed = lastTold()
  const stateDirectory = join(folder, 'state')
  await using _ = await follow(path!, join(folder, 'replica.git'), {
    stateDirectory,
    onTransfer: followed.tell,
  })
  const events = `${COMMITS} of ${COMMITS}, 100 %`
  expect(followed.told).toMatchObject({ 'Checking commits': all, 'Checking events': events })
})
