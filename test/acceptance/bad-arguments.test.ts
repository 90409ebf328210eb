import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { clone, open, type SharedOptions } from '../../src/index.ts'
import { temporaryDirectory } from '../repository/real-git.ts'

it.each([undefined, Number.NaN, -1, 1.5, '1', Number.POSITIVE_INFINITY])(
  'waiting for the position %s is refused: it would never come',
  async (position) => {
    await using log = await open(join(temporaryDirectory(), 'log.git'))
    await log.append('s', [{ type: 'T' }])
    await log.waitFor(1)
    const refused = log.waitFor(position as number, { signal: AbortSignal.timeout(5000) })
    await expect(refused).rejects.toMatchObject({ code: 'usage' })
  },
)

it.each(['', undefined])(
  'a backup into %j is refused, and none is made in the current folder',
  async (folder) => {
    await using log = await open(join(temporaryDirectory(), 'log.git'))
    const before = readdirSync('.')
    await expect(log.backup(folder as string)).rejects.toMatchObject({ code: 'usage' })
    expect(readdirSync('.')).toEqual(before)
  },
)

it.each([
  { mode: 'shared', shared: { closeWithinMs: Number.POSITIVE_INFINITY } },
  { mode: 'shared', shared: { closeWithinMs: -1 } },
  { mode: 'shared', shared: { patienceMs: Number.POSITIVE_INFINITY } },
  { push: { closeWithin: Number.POSITIVE_INFINITY } },
])('a wait that no timer can keep is refused: %j', async (options) => {
  const opened = open(join(temporaryDirectory(), 'log.git'), options as SharedOptions)
  await expect(opened).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('24 days') })
})

it.each(['', undefined])('a clone of %j is refused', async (address) => {
  await expect(clone(address as string)).rejects.toMatchObject({ code: 'usage' })
})
