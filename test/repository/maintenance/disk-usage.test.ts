import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  countLooseObjects,
  listPacks,
  measureDiskUsage,
} from '../../../src/repository/maintenance/disk-usage.ts'
import { oidsOf } from '../../../src/repository/pack-index.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { git } from '../real-git.ts'
import { maintain, repositoryOf } from './maintained-repository.ts'

describe('disk usage', () => {
  it('counts loose objects in whole blocks, packs with their indexes, and the commit-graph', async () => {
    const path = repositoryOf(2)
    expect(await measureDiskUsage(path, nodeFileSystem)).toEqual({
      looseObjects: 6,
      packs: 0,
      bytes: 6 * 4096,
    })
    await maintain(path)
    const { looseObjects, packs, bytes } = await measureDiskUsage(path, nodeFileSystem)
    expect({ looseObjects, packs }).toEqual({ looseObjects: 0, packs: 1 })
    expect(bytes).toBe(sizeOf(`${path}/objects/pack`) + sizeOf(`${path}/objects/info/commit-graphs`))
    expect(bytes).toBeGreaterThan(1000)
    expect(bytes).toBeLessThan(4096)
  })

  it('passes over a file in the place of a folder, as git does', async () => {
    const path = repositoryOf(2)
    const taken = new Set(readdirSync(`${path}/objects`))
    const names = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
    writeFileSync(`${path}/objects/${names.find((name) => !taken.has(name))}`, '')
    expect((await measureDiskUsage(path, nodeFileSystem)).looseObjects).toBe(6)
    expect(await countLooseObjects(path, nodeFileSystem)).toBe(6)
  })

  it('says which folder may not be read', async () => {
    const path = repositoryOf(2)
    const denied = `${path}/objects/pack`
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async list(folder) {
        if (folder === denied) throw Object.assign(new Error('denied'), { code: 'EACCES' })
        return nodeFileSystem.list(folder)
      },
    }
    const error = { code: 'permission-denied', path: denied }
    await expect(measureDiskUsage(path, fileSystem)).rejects.toMatchObject(error)
    await expect(listPacks(path, fileSystem)).rejects.toMatchObject(error)
  })
})

describe('the index of a pack', () => {
  it('names its objects, as git does', async () => {
    const path = repositoryOf(5)
    await maintain(path)
    const { name } = (await listPacks(path, nodeFileSystem))[0]!
    const index = readFileSync(`${path}/objects/pack/${name}.idx`)
    const shown = git(path, ['show-index'], { input: index }).toString().trim().split('\n')
    expect([...oidsOf(index)]).toEqual(shown.map((line) => line.split(' ')[1]).sort())
  })

  it('is refused when it is cut off, or none', () => {
    for (const bytes of [2000, 0]) {
      expect(() => oidsOf(Buffer.alloc(bytes)).next()).toThrow(RangeError)
    }
  })
})

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0)
}
