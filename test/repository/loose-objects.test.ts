import { afterEach, beforeEach, expect, it } from 'vitest'
import { LooseObjects } from '../../src/repository/loose-objects.ts'
import { commitFiles, damage, git, looseObjectPath, TemporaryFolder, writeObject } from './real-git.ts'

let folder: TemporaryFolder
let directory: string
let objects: LooseObjects

beforeEach(() => {
  folder = new TemporaryFolder()
  directory = folder.join('log.git')
  git(folder.path, ['init', '--quiet', '--bare', directory])
  objects = new LooseObjects(directory, 1 << 20)
})
afterEach(() => folder[Symbol.dispose]())

it.each([0, 1, 5, 100, 1 << 20])('finds a blob of %i bytes', async (size) => {
  const content = Buffer.alloc(size, 'text ')
  const oid = writeObject(directory, content)
  expect(await objects.find(oid)).toEqual({ oid, type: 'blob', content })
})

it('finds commits', async () => {
  const oid = commitFiles(directory, { a: '1' })
  const content = git(directory, ['cat-file', 'commit', oid])
  expect(await objects.find(oid)).toEqual({ oid, type: 'commit', content })
})

it('leaves what is larger than the limit to git, though it takes few bytes on the disk', async () => {
  const oid = writeObject(directory, Buffer.alloc((1 << 20) + 1))
  expect(await objects.find(oid)).toBeUndefined()
})

it('leaves what holds more than it announces to git', async () => {
  const oid = writeObject(directory, 'x'.repeat(100))
  const { deflateSync } = await import('node:zlib')
  damage(looseObjectPath(directory, oid), () => deflateSync(`blob 100\0${'x'.repeat(1000)}`))
  expect(await objects.find(oid)).toBeUndefined()
})

it('leaves what is damaged to git', async () => {
  const oid = writeObject(directory, 'hello')
  const other = writeObject(directory, 'other')
  damage(looseObjectPath(directory, oid), (bytes) => bytes.subarray(0, bytes.length - 6))
  expect(await objects.find(oid)).toBeUndefined()
  damage(looseObjectPath(directory, oid), () => git(directory, ['cat-file', 'blob', other]))
  expect(await objects.find(oid)).toBeUndefined()
})

it('rarely looks where nothing was found, and finds again what comes', async () => {
  const oid = writeObject(directory, 'hello')
  for (let look = 0; look < 10; look++) expect(await objects.find('0'.repeat(40))).toBeUndefined()
  let looks = 1
  while ((await objects.find(oid)) === undefined) looks++
  expect(looks).toBeLessThanOrEqual(64)
  expect(await objects.find(oid)).toBeDefined()
})
