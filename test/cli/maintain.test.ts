import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../repository/real-git.ts'
import { memoir } from './program.ts'

it('memoir maintain packs the repository, and memoir status shows what it takes', async () => {
  const log = join(temporaryDirectory(), 'log.git')
  await memoir(['init', log])
  await memoir(['-C', log, 'append', 's', 'Counted'])
  expect((await memoir(['-C', log, 'status'])).stdout).toMatch(
    /^disk {9}36\.0 KiB, 9 loose objects, 0 packs$/m,
  )
  const first = await memoir(['-C', log, 'maintain'])
  expect(first).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Packed 9 loose objects, merged 0 packs: 36\.0 KiB became /),
  })
  const again = JSON.parse((await memoir(['-C', log, 'maintain', '--json'])).stdout)
  expect(again).toMatchObject({ packedObjects: 0, mergedPacks: 0, after: { looseObjects: 0, packs: 1 } })
  const status = JSON.parse((await memoir(['-C', log, 'status', '--json'])).stdout)
  expect(status.disk).toEqual(again.after)
})
