import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
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

test('of several who fill a folder at once one has it, also where its parents are missing', async () => {
  using own = new TemporaryFolder()
  const target = own.join('missing/parents/new')
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

test('what somebody else has put in its place stays, where that one took the folder beside it for left behind', async () => {
  using own = new TemporaryFolder()
  const target = own.join('new')
  const ports = { fileSystem: nodeFileSystem, clock: systemClock }
  const failed = inUnfinishedFolder(target, 'id', ports, async () => {
    rmSync(own.join('new.unfinished-id'), { recursive: true })
    mkdirSync(join(target, 'theirs'), { recursive: true })
  })
  await expect(failed).rejects.toMatchObject({ code: 'file-failed' })
  expect(readdirSync(target)).toEqual(['theirs'])
})

test('what a process left that was killed before it said whose it is goes, once it is old, and nothing that holds more', async () => {
  using own = new TemporaryFolder()
  const left = (name: string, ageHours: number, files: readonly string[] = []) => {
    const holder = own.join(`new.unfinished-${name}`)
    mkdirSync(holder)
    for (const file of files) writeFileSync(join(holder, file), '')
    const made = Date.now() / 1000 - ageHours * 3600
    utimesSync(holder, made, made)
  }
  left('empty', 2)
  left('unnamed', 2, ['owner.json'])
  left('ahead', -2)
  left('young', 0.5)
  left('other', 2, ['notes.txt'])
  const ports = { fileSystem: nodeFileSystem, clock: systemClock }
  await inUnfinishedFolder(own.join('new'), 'id', ports, async (path) => mkdirSync(path))
  expect(readdirSync(own.path).sort()).toEqual(['new', 'new.unfinished-other', 'new.unfinished-young'])
})
