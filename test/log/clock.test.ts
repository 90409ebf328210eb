import { expect, test } from 'vitest'
import { LATEST_TIME } from '../../src/event/time.ts'
import { appendEach, event, fsck, numbers, openLog, temporaryFolder } from './event-log-fixture.ts'

/** A clock that can be set to whatever somebody's may give. */
function settableClock() {
  let given: unknown
  return {
    now: () => (given === undefined ? Date.now() : (given as number)),
    set: (value: unknown) => {
      given = value
    },
  }
}

const noTimes = [Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1, LATEST_TIME + 1, -1e14, 'noon', null]

test.each(noTimes)(
  'stores nothing by a clock that gives %s, and goes on when it is right again',
  async (no) => {
    const folder = temporaryFolder()
    const clock = settableClock()
    const opened = await openLog(folder, { clock })
    await appendEach(opened, 's', 2)
    clock.set(no)
    const append = opened.log.append([{ stream: 'new', events: [event(3)] }], undefined, 'journaled')
    await expect(append).rejects.toMatchObject({ code: 'clock-wrong', given: no })
    await expect(opened.log.seal()).rejects.toMatchObject({
      code: 'seal-failed',
      cause: { code: 'clock-wrong' },
    })
    clock.set(undefined)
    await appendEach(opened, 's', 1, 3)
    expect(opened.log.streams().map(({ stream }) => stream)).toEqual(['s'])
    await opened.close()
    expect(await numbers(await openLog(folder))).toEqual([1, 2, 3])
    expect(fsck(folder)).toBe('')
  },
)

test('begins no log by a clock that says no time, and begins it when it is right', async () => {
  const folder = temporaryFolder()
  const clock = settableClock()
  clock.set(Number.NaN)
  await expect(openLog(folder, { clock })).rejects.toMatchObject({ code: 'clock-wrong' })
  clock.set(undefined)
  await appendEach(await openLog(folder, { clock }), 's', 1)
})

test('takes whole milliseconds of a clock that gives parts of them', async () => {
  const clock = settableClock()
  const opened = await openLog(temporaryFolder(), { clock })
  clock.set(1_800_000_000_000.75)
  await appendEach(opened, 's', 1)
  const time = new Date(1_800_000_000_000)
  await opened.log.append([{ stream: 's', events: [event(2, { time })] }], undefined, 'journaled')
  expect((await opened.log.event(2)).time).toBe(time.toISOString())
})
