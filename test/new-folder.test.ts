import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inNewFolder } from '../src/new-folder.ts'
import { temporaryDirectory } from './repository/real-git.ts'

/** Fills a folder, and fails then. */
function failIn(path: string): Promise<never> {
  return inNewFolder(path, async () => {
    mkdirSync(join(path, 'objects'), { recursive: true })
    writeFileSync(join(path, 'HEAD'), 'x')
    throw new Error('the disk is full')
  })
}

test('of a folder that was not there, nothing is left when filling it fails', async () => {
  const own = temporaryDirectory()
  await expect(failIn(join(own, 'new'))).rejects.toThrow('the disk is full')
  expect(existsSync(join(own, 'new'))).toBe(false)
})

test('an empty folder is emptied again, and stays the same folder with the same mode', async () => {
  const own = temporaryDirectory()
  mkdirSync(join(own, 'mine'))
  chmodSync(join(own, 'mine'), 0o2770)
  const before = statSync(join(own, 'mine'))
  await expect(failIn(join(own, 'mine'))).rejects.toThrow('the disk is full')
  const { ino, mode } = statSync(join(own, 'mine'))
  expect({ ino, mode }).toEqual({ ino: before.ino, mode: before.mode })
  expect(readdirSync(join(own, 'mine'))).toEqual([])
})

test('a link to an empty folder stays a link, and nothing is left behind it', async () => {
  const own = temporaryDirectory()
  mkdirSync(join(own, 'real'))
  symlinkSync(join(own, 'real'), join(own, 'link'))
  await expect(failIn(join(own, 'link'))).rejects.toThrow('the disk is full')
  expect(lstatSync(join(own, 'link')).isSymbolicLink()).toBe(true)
  expect(readdirSync(join(own, 'real'))).toEqual([])
})

test('a folder that is taken is left alone, and not called what it is not', async () => {
  const own = temporaryDirectory()
  mkdirSync(join(own, 'taken', '.git'), { recursive: true })
  const failed = failIn(join(own, 'taken'))
  await expect(failed).rejects.toThrow('taken cannot become a new repository: it is not empty')
  await expect(failed).rejects.toMatchObject({ code: 'not-a-repository' })
  expect(readdirSync(join(own, 'taken'))).toEqual(['.git'])
})

test('of several who fill a folder at once one has it, also where its parents are missing', async () => {
  const own = temporaryDirectory()
  const target = join(own, 'missing/parents/new')
  const fill = (name: string) =>
    inNewFolder(target, async () => {
      mkdirSync(target, { recursive: true })
      await setImmediate()
      if (readdirSync(target).length > 0) throw new Error('somebody else is here')
      writeFileSync(join(target, name), '')
    })
  const ended = await Promise.allSettled(['one', 'two', 'three'].map(fill))
  expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(readdirSync(target)).toHaveLength(1)
})
