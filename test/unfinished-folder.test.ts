import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { portsOf } from '../src/ports.ts'
import { type FileSystem, nodeFileSystem } from '../src/system/file-system.ts'
import { inUnfinishedFolder } from '../src/unfinished-folder.ts'
import { temporaryDirectory } from './repository/real-git.ts'

test('what was put in its place is taken back when that cannot be made sure, and no folder of others', async () => {
  const own = temporaryDirectory()
  const fill = async (path: string) => mkdirSync(path)
  const failing = (name: 'rename' | 'syncDirectory', isDone: boolean): FileSystem =>
    Object.assign(Object.create(nodeFileSystem), {
      [name]: async (...paths: [string, string]) => {
        if (isDone) await nodeFileSystem[name](...paths)
        throw Object.assign(new Error('EIO'), { code: 'EIO' })
      },
    })
  const target = join(own, 'new')
  const fillWith = (fileSystem: FileSystem) =>
    inUnfinishedFolder(target, portsOf({ ports: { fileSystem } }), fill)
  for (const fileSystem of [
    failing('rename', true),
    failing('rename', false),
    failing('syncDirectory', true),
  ]) {
    await expect(fillWith(fileSystem)).rejects.toMatchObject({ code: 'file-failed' })
    expect(readdirSync(own)).toEqual([])
  }
  mkdirSync(join(target, 'theirs'), { recursive: true })
  await expect(fillWith(nodeFileSystem)).rejects.toMatchObject({ code: 'file-failed' })
  expect(readdirSync(target)).toEqual(['theirs'])
})

test('what somebody else has put in its place stays, where that one took the folder beside it for left behind', async () => {
  const own = temporaryDirectory()
  const target = join(own, 'new')
  const failed = inUnfinishedFolder(target, portsOf({}), async (path) => {
    rmSync(dirname(path), { recursive: true })
    mkdirSync(join(target, 'theirs'), { recursive: true })
  })
  await expect(failed).rejects.toMatchObject({ code: 'file-failed' })
  expect(readdirSync(target)).toEqual(['theirs'])
})

test('what a process left that was killed before it said whose it is goes, once it is old, and nothing that holds more', async () => {
  const own = temporaryDirectory()
  const left = (name: string, ageHours: number, files: readonly string[] = []) => {
    const holder = join(own, `new.unfinished-${name}`)
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
  await inUnfinishedFolder(join(own, 'new'), portsOf({}), async (path) => mkdirSync(path))
  expect(readdirSync(own).sort()).toEqual(['new', 'new.unfinished-other', 'new.unfinished-young'])
})
