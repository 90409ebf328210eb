import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { appendEach, numbers, openLog, temporaryFolder } from './event-log-fixture.ts'

test.each([false, true])(
  'opening ends with its signal, and leaves the log to whoever comes next; readOnly: %s',
  async (readOnly) => {
    const folder = temporaryFolder()
    const first = await openLog(folder)
    await appendEach(first, 's', 3)
    await first.close()
    const controller = new AbortController()
    const { signal } = controller
    const onProgress = () => controller.abort(new Error('enough'))
    await expect(openLog(folder, { readOnly, signal, onProgress })).rejects.toThrow('enough')
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(await numbers(await openLog(folder))).toEqual([1, 2, 3])
  },
)

test('an open log goes on when the signal that it was opened with is aborted', async () => {
  const controller = new AbortController()
  const opened = await openLog(temporaryFolder(), { signal: controller.signal })
  controller.abort()
  await appendEach(opened, 's', 2)
  await opened.log.seal()
  expect(await numbers(opened)).toEqual([1, 2])
})
