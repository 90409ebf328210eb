import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { temporaryDirectory } from '../repository/real-git.ts'

describe('reading a file', () => {
  it.each([0, 1, 100, 1 << 20])('gives all of its %i bytes', async (size) => {
    const path = join(temporaryDirectory(), 'file')
    const bytes = Buffer.alloc(size, 'abc')
    writeFileSync(path, bytes)
    expect((await nodeFileSystem.readFile(path)).equals(bytes)).toBe(true)
  })

  it('refuses a pipe, rather than wait for a writer that never comes', async () => {
    const path = join(temporaryDirectory(), 'pipe')
    execFileSync('mkfifo', [path])
    await expect(nodeFileSystem.readFile(path)).rejects.toMatchObject({ code: 'EINVAL' })
  })

  it('refuses a device, which has no end', async () => {
    const path = join(temporaryDirectory(), 'zeros')
    symlinkSync('/dev/zero', path)
    await expect(nodeFileSystem.readFile(path)).rejects.toMatchObject({ code: 'EINVAL' })
  })

  it('tells a folder and a missing file by their codes', async () => {
    const path = temporaryDirectory()
    mkdirSync(join(path, 'folder'))
    await expect(nodeFileSystem.readFile(join(path, 'folder'))).rejects.toMatchObject({ code: 'EISDIR' })
    await expect(nodeFileSystem.readFile(join(path, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

const { makeDirectory, stat } = nodeFileSystem

describe('making a directory', () => {
  it('makes its missing parents, and is content with one that is there', async () => {
    const folder = temporaryDirectory()
    mkdirSync(join(folder, 'real'))
    symlinkSync('real', join(folder, 'link'))
    for (const path of ['a/b/c', 'a/b/c', 'a', 'link', 'link/d', '.']) {
      await makeDirectory(join(folder, path))
      expect(await stat(join(folder, path))).toMatchObject({ kind: 'directory' })
    }
    await makeDirectory('/')
  })

  it('made by several at once is made for all', async () => {
    const path = join(temporaryDirectory(), 'a/b/c')
    await Promise.all(Array.from({ length: 8 }, () => makeDirectory(path)))
    expect(await stat(path)).toMatchObject({ kind: 'directory' })
  })

  it('fails where something else is in its way', async () => {
    const folder = temporaryDirectory()
    writeFileSync(join(folder, 'file'), '')
    symlinkSync('nowhere/at/all', join(folder, 'dangling'))
    await expect(makeDirectory(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeDirectory(join(folder, 'file/a/b'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(makeDirectory(join(folder, 'dangling'))).rejects.toMatchObject({ code: 'EEXIST' })
  })

  it.skipIf(process.platform !== 'linux')(
    'comes to an end where no name can be made though the parent is there',
    async () => {
      await expect(makeDirectory('/proc/memoir/backup')).rejects.toMatchObject({ code: 'ENOENT' })
    },
  )
})
