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
