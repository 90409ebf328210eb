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
import { expect, test } from 'vitest'
import { inNewFolder, inUnfinishedFolder } from '../src/new-folder.ts'
import { systemClock } from '../src/system/clock.ts'
import { type FileSystem, nodeFileSystem } from '../src/system/file-system.ts'
import { TemporaryFolder } from './repository/git-repository.ts'

/** Fills a folder, and fails then. */
function failIn(path: string): Promise<never> {
  return inNewFolder(path, async () => {
    mkdirSync(join(path, 'objects'), { recursive: true })
    writeFileSync(join(path, 'HEAD'), 'x')
    throw new Error('the disk is full')
  })
}

test('of a folder that was not there, nothing is left when filling it fails', async () => {
  using own = new TemporaryFolder()
  await expect(failIn(own.join('new'))).rejects.toThrow('the disk is full')
  expect(existsSync(own.join('new'))).toBe(false)
})

test('an empty folder is emptied again, and stays the same folder with the same mode', async () => {
  using own = new TemporaryFolder()
  mkdirSync(own.join('mine'))
  chmodSync(own.join('mine'), 0o2770)
  const before = statSync(own.join('mine'))
  await expect(failIn(own.join('mine'))).rejects.toThrow('the disk is full')
  const { ino, mode } = statSync(own.join('mine'))
  expect({ ino, mode }).toEqual({ ino: before.ino, mode: before.mode })
  expect(readdirSync(own.join('mine'))).toEqual([])
})

test('a link to an empty folder stays a link, and nothing is left behind it', async () => {
  using own = new TemporaryFolder()
  mkdirSync(own.join('real'))
  symlinkSync(own.join('real'), own.join('link'))
  await expect(failIn(own.join('link'))).rejects.toThrow('the disk is full')
  expect(lstatSync(own.join('link')).isSymbolicLink()).toBe(true)
  expect(readdirSync(own.join('real'))).toEqual([])
})

test('a folder that is taken is left alone, and not called what it is not', async () => {
  using own = new TemporaryFolder()
  mkdirSync(own.join('taken', '.git'), { recursive: true })
  const failed = failIn(own.join('taken'))
  await expect(failed).rejects.toThrow('taken cannot become a new repository: it is not empty')
  await expect(failed).rejects.toMatchObject({ code: 'not-a-repository' })
  expect(readdirSync(own.join('taken'))).toEqual(['.git'])
})

test('what was put in its place is taken back when that cannot be made sure, and no folder of others', async () => {
  using own = new TemporaryFolder()
  const fill = async (path: string) => mkdirSync(path)
  const failing = (name: 'rename' | 'syncDirectory', isDone: boolean): FileSystem =>
    Object.assign(Object.create(nodeFileSystem), {
      [name]: async (...paths: [string, string]) => {
        if (isDone) await nodeFileSystem[name](...paths)
        throw Object.assign(new Error('EIO'), { code: 'EIO' })
      },
    })
  const target = own.join('new')
  const fillWith = (fileSystem: FileSystem) =>
    inUnfinishedFolder(target, 'id', { fileSystem, clock: systemClock }, fill)
  for (const fileSystem of [
    failing('rename', true),
    failing('rename', false),
    failing('syncDirectory', true),
  ]) {
    await expect(fillWith(fileSystem)).rejects.toMatchObject({ code: 'file-failed' })
    expect(readdirSync(own.path)).toEqual([])
  }
  mkdirSync(join(target, 'theirs'), { recursive: true })
  await expect(fillWith(nodeFileSystem)).rejects.toMatchObject({ code: 'file-failed' })
  expect(readdirSync(target)).toEqual(['theirs'])
})
