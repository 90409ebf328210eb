import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../repository/real-git.ts'
import { CrashFileSystem, type Survives } from './crash-file-system.ts'

async function namesAfter(disk: CrashFileSystem, survives: Survives): Promise<string[]> {
  const target = temporaryDirectory()
  await disk.crash({ survives, target })
  return (await readdir(target, { recursive: true })).sort()
}

describe('the crash file system', () => {
  it('loses the name of a synced file whose directory was not synced', async () => {
    const root = temporaryDirectory()
    const disk = await CrashFileSystem.over(root)
    const file = await disk.open(join(root, 'a'), 'w')
    await file.write(Buffer.from('hello'), 0, 5, 0)
    await file.sync()
    await file.close()
    expect(await namesAfter(disk, () => false)).toEqual([])
    await disk.syncDirectory(root)
    expect(await namesAfter(disk, () => false)).toEqual(['a'])
  })

  it('keeps the old name or the new one of a file that was renamed, never both or none', async () => {
    const root = temporaryDirectory()
    await writeFile(join(root, 'old'), 'x')
    const disk = await CrashFileSystem.over(root)
    await disk.rename(join(root, 'old'), join(root, 'new'))
    expect(await namesAfter(disk, () => false)).toEqual(['old'])
    expect(await namesAfter(disk, () => true)).toEqual(['new'])
  })

  it('tears a write that was not synced at any sector, and keeps one that was', async () => {
    const root = temporaryDirectory()
    await writeFile(join(root, 'a'), Buffer.alloc(1024, 'o'))
    const disk = await CrashFileSystem.over(root)
    const file = await disk.open(join(root, 'a'), 'r+')
    await file.write(Buffer.alloc(1024, 'n'), 0, 1024, 0)
    let sector = 0
    const target = temporaryDirectory()
    await disk.crash({ survives: () => sector++ === 1, target })
    expect(await readFile(join(target, 'a'), 'utf8')).toBe('o'.repeat(512) + 'n'.repeat(512))
    await file.syncData()
    await disk.crash({ survives: () => false, target })
    expect(await readFile(join(target, 'a'), 'utf8')).toBe('n'.repeat(1024))
    await file.close()
  })
})
