import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { GitProcessReader } from '../../src/repository/git-process-reader.ts'
import { type EncodedObject, encodeObject } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { NO_ROOM } from '../../src/repository/room.ts'
import { RoundPacks } from '../../src/repository/round-packs.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository, git } from './real-git.ts'

const LIMIT = 1 << 20
const always = () => true

/** As many commits as make a pack, with blobs of some sizes. */
async function packed(gitDirectory: string, text: string): Promise<EncodedObject[]> {
  const blobs = [0, 1, 100, 50_000, LIMIT].map((size) => encodeObject('blob', Buffer.alloc(size, text)))
  const commits = [1, 2, 3].map((number) => encodeObject('commit', Buffer.from(`${text} ${number}`)))
  await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write([...blobs, ...commits])
  return [...blobs, ...commits]
}

function fileOf(gitDirectory: string, end: string): string {
  const folder = join(gitDirectory, 'objects/pack')
  return join(folder, readdirSync(folder).find((name) => name.endsWith(end))!)
}

test('finds all objects of the packs that seals leave, also of those that come later', async () => {
  const gitDirectory = bareRepository()
  const packs = new RoundPacks(gitDirectory, LIMIT)
  for (const text of ['first', 'second']) {
    for (const { oid, type, content } of await packed(gitDirectory, text)) {
      expect(await packs.find(oid, always)).toEqual({ oid, type, content })
    }
  }
  expect(await packs.find('0'.repeat(40), always)).toBeUndefined()
})

test('takes nothing for which there is no room, and leaves what is larger than the limit to git', async () => {
  const gitDirectory = bareRepository()
  const objects = await packed(gitDirectory, 'large')
  const packs = new RoundPacks(gitDirectory, LIMIT - 1)
  const [large, small] = [LIMIT, 50_000].map(
    (size) => objects.find(({ content }) => content.length === size)!,
  )
  expect(await packs.find(large!.oid, always)).toBeUndefined()
  expect(await packs.find(small!.oid, (bytes) => bytes < 50_000)).toBe(NO_ROOM)
  expect(await packs.find(small!.oid, always)).toBeDefined()
})

test('leaves deltas, and packs of very many objects, to git', async () => {
  const gitDirectory = bareRepository()
  const text = Array.from({ length: 2000 }, (_, at) => `line ${Math.sin(at)}\n`).join('')
  const write = (input: string) =>
    git(gitDirectory, ['hash-object', '-w', '--stdin'], { input }).toString().trim()
  const similar = [write(text), write(`${text}x`)]
  git(gitDirectory, ['pack-objects', '--quiet', 'objects/pack/pack'], { input: similar.join('\n') })
  const found = await Promise.all(similar.map((oid) => new RoundPacks(gitDirectory, LIMIT).find(oid, always)))
  expect(found.filter((object) => object !== undefined)).toHaveLength(1)

  const many = Array.from({ length: 300 }, (_, number) => write(String(number)))
  git(gitDirectory, ['pack-objects', '--quiet', 'objects/pack/pack'], { input: many.join('\n') })
  expect(await new RoundPacks(gitDirectory, LIMIT).find(many[0]!, always)).toBeUndefined()
})

test('goes on when a pack was merged into another', async () => {
  const gitDirectory = bareRepository()
  const packs = new RoundPacks(gitDirectory, LIMIT)
  const [first] = await packed(gitDirectory, 'first')
  expect(await packs.find(first!.oid, always)).toBeDefined()
  for (const end of ['.idx', '.pack']) rmSync(fileOf(gitDirectory, end))
  const [, second] = await packed(gitDirectory, 'second')
  expect(await packs.find(second!.oid, always)).toBeDefined()
  await packed(gitDirectory, 'first')
  expect(await packs.find(first!.oid, always)).toBeDefined()
})

test.each(['.pack', '.idx'])('never gives wrong bytes when a byte of the %s is damaged', async (end) => {
  const gitDirectory = bareRepository()
  const blobs = ['one', 'two two two'].map((text) => encodeObject('blob', Buffer.from(text)))
  const commits = [1, 2, 3].map((number) => encodeObject('commit', Buffer.from(`commit ${number}`)))
  const objects = [...blobs, ...commits]
  await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write(objects)
  const path = fileOf(gitDirectory, end)
  const whole = readFileSync(path)
  chmodSync(path, 0o644)
  for (let at = 0; at < whole.length; at += end === '.idx' ? 13 : 1) {
    const damaged = Buffer.from(whole)
    damaged[at]! ^= 1 << (at % 8)
    writeFileSync(path, damaged)
    const packs = new RoundPacks(gitDirectory, LIMIT)
    for (const { oid, content } of objects) {
      const found = await packs.find(oid, always)
      if (found !== undefined && found !== NO_ROOM) expect(found.content).toEqual(content)
    }
  }
})

test('a reader starts no git for what lies loose among such packs', async () => {
  const gitDirectory = bareRepository()
  const packedObjects = await packed(gitDirectory, 'round')
  const loose = encodeObject('blob', Buffer.from('first of all'))
  await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write([loose])
  await using runner = new GitRunner({ repository: { gitDirectory }, environment: { PATH: gitDirectory } })
  await using reader = new GitProcessReader(runner, gitDirectory, LIMIT)
  for (const { oid, content } of [...packedObjects, loose])
    expect((await reader.read(oid)).content).toEqual(content)
})
