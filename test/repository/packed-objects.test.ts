import { readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeObject } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { PackedObjects } from '../../src/repository/packed-objects.ts'
import { NO_ROOM } from '../../src/repository/room.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository } from './real-git.ts'

test('keeps the index of a pack only while it is there', async () => {
  const gitDirectory = bareRepository()
  const folder = join(gitDirectory, 'objects/pack')
  const store = new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem })
  const packs = new PackedObjects(gitDirectory, nodeFileSystem)
  const seal = async (size: number) => {
    const commits = [1, 2, 3].map((number) => encodeObject('commit', Buffer.alloc(size, `${number}`)))
    await store.write(commits)
    return commits[0]!.oid
  }
  const sizeOf = async (oid: string) => {
    const found = await packs.read(oid, 1000, () => true)
    return found === NO_ROOM ? found : found?.content.length
  }
  const first = await seal(100)
  const names = readdirSync(folder)
  expect(await sizeOf(first)).toBe(100)
  for (const name of names) rmSync(join(folder, name))
  expect(await sizeOf(first)).toBeUndefined()
  // Of another pack by the same name, the index that was kept would say nothing.
  const second = await seal(200)
  for (const name of readdirSync(folder)) {
    renameSync(join(folder, name), join(folder, names.find((old) => old.endsWith(name.slice(-4)))!))
  }
  expect(await sizeOf(second)).toBe(200)
})
