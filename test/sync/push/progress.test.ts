import { expect, it } from 'vitest'
import { event, openLog, Remote } from './push-fixture.ts'

function fails(): never {
  throw new Error('cannot be shown')
}

it('a push ends for a caller whose onProgress fails, with that error, and goes on for those who share it', async () => {
  const remote = new Remote()
  const { log } = await openLog({ remote: remote.path })
  await log.append('a', [event()], { ack: 'committed' })
  const first = log.push(remote.path, { onProgress: fails })
  const second = log.push(remote.path)
  await expect(first).rejects.toThrow('cannot be shown')
  expect(await second).toMatchObject({ position: 1 })
  expect(remote.head).toBe(log.status().commit)
})

it('a push that nobody else waits for ends with the error of its onProgress, and the next one is made', async () => {
  const remote = new Remote()
  const { log } = await openLog({ remote: remote.path })
  await log.append('a', [event()], { ack: 'committed' })
  await expect(log.push(remote.path, { onProgress: fails })).rejects.toThrow('cannot be shown')
  expect(await log.push()).toMatchObject({ position: 1 })
  expect(remote.head).toBe(log.status().commit)
})
