import { readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeObject } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { PackedSizes } from '../../src/repository/packed-size.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository } from './real-git.ts'

test('keeps the index of a pack only while it is there', async () => {
  const gitDirectory = bareRepository()
  const folder = join(gitDirectory, 'objects/pack')
  const store = new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem })
  const sizes = new PackedSizes(gitDirectory, nodeFileSystem)
  const seal = async (size: number) => {
    const commits = [1, 2, 3].map((number) => encodeObject('commit', Buffer.alloc(size, `${number}`)))
    await store.write(commits)
    return commits[0]!.oid
  }
  const first = await seal(100)
  const names = readdirSync(folder)
  expect(await sizes.check(first, 1000)).toBe(100)
  for (const name of names) rmSync(join(folder, name))
  expect(await sizes.check(first, 1000)).toBe(0)
  // Of another pack by the same name, the index that was kept would say nothing.
  const second = await seal(200)
  for (const name of readdirSync(folder)) {
    renameSync(join(folder, name), join(folder, names.find((old) => old.endsWith(name.slice(-4)))!))
  }
  expect(await sizes.check(second, 1000)).toBe(200)
})
