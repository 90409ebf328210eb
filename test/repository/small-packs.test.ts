import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { ObjectCorruptError, ObjectTooLargeError } from '../../src/repository/errors.ts'
import { GitProcessReader } from '../../src/repository/git-process-reader.ts'
import type { GitObject } from '../../src/repository/git-reader.ts'
import { type EncodedObject, encodeObject } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { entryHeader } from '../../src/repository/pack-entry.ts'
import { encodePackIndex } from '../../src/repository/pack-index.ts'
import { PackedObjects } from '../../src/repository/packed-objects.ts'
import { NO_ROOM, Room } from '../../src/repository/room.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { SmallPacks } from '../../src/repository/small-packs.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository, git, gitText, writeObject } from './real-git.ts'

const LIMIT = 1 << 20
const always = () => true

/** As many commits as make a pack, with blobs of some sizes. */
async function packed(gitDirectory: string, text: string): Promise<EncodedObject[]> {
  const blobs = [0, 1, 100, 50_000, LIMIT].map((size) => encodeObject('blob', Buffer.alloc(size, text)))
  const commits = [1, 2, 3].map((number) => encodeObject('commit', Buffer.from(`${text} ${number}`)))
  await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write([...blobs, ...commits])
  return [...blobs, ...commits]
}

/** As `toEqual`, which takes seconds for a megabyte. */
function isSame(found: GitObject | typeof NO_ROOM | undefined, expected: GitObject): boolean {
  if (found === undefined || found === NO_ROOM) return false
  return found.oid === expected.oid && found.type === expected.type && found.content.equals(expected.content)
}

function fileOf(gitDirectory: string, end: string): string {
  const folder = join(gitDirectory, 'objects/pack')
  return join(folder, readdirSync(folder).find((name) => name.endsWith(end) && name.length > 40)!)
}

test('finds all objects of the packs that seals leave, also of those that come later', async () => {
  const gitDirectory = bareRepository()
  const packs = new SmallPacks(gitDirectory, LIMIT)
  for (const text of ['first', 'second']) {
    for (const { oid, type, content } of await packed(gitDirectory, text)) {
      expect(isSame(await packs.find(oid, always), { oid, type, content })).toBe(true)
    }
  }
  expect(await packs.find('0'.repeat(40), always)).toBeUndefined()
})

test('takes nothing for which there is no room, and leaves what is larger than the limit to git', async () => {
  const gitDirectory = bareRepository()
  const objects = await packed(gitDirectory, 'large')
  const packs = new SmallPacks(gitDirectory, LIMIT - 1)
  const [large, small] = [LIMIT, 50_000].map(
    (size) => objects.find(({ content }) => content.length === size)!,
  )
  expect(await packs.find(large!.oid, always)).toBeUndefined()
  expect(await packs.find(small!.oid, (bytes) => bytes < 50_000)).toBe(NO_ROOM)
  expect(await packs.find(small!.oid, always)).toBeDefined()
})

/** A pack that git makes of some blobs, each a little different from the one before. */
function deltas(gitDirectory: string, texts: readonly string[], ...settings: string[]): string[] {
  const write = (input: string) => writeObject(gitDirectory, input)
  const oids = texts.map(write)
  git(gitDirectory, ['pack-objects', '--quiet', ...settings, 'objects/pack/pack'], { input: oids.join('\n') })
  git(gitDirectory, ['prune-packed', '--quiet'])
  return oids
}

const LINES = Array.from({ length: 2000 }, (_, at) => `line ${Math.sin(at)}\n`)

/** How many deltas are on the way from each of some objects to one that is stored whole. */
function depthsOf(gitDirectory: string, oids: readonly string[]): number[] {
  const lines = git(gitDirectory, ['verify-pack', '-v', fileOf(gitDirectory, '.idx')])
    .toString()
    .split('\n')
  return oids.map((oid) => Number(lines.find((line) => line.startsWith(oid))?.split(/ +/)[5] ?? 0))
}

test.each([[], ['--delta-base-offset']])(
  'builds what git stores as short chains of deltas %s',
  async (...settings) => {
    const gitDirectory = bareRepository()
    const texts = [0, 1, 2, 3].map((from) =>
      LINES.slice(from * 50)
        .concat(`end ${from}\n`)
        .join(''),
    )
    const oids = deltas(gitDirectory, texts, ...settings)
    expect(Math.max(...depthsOf(gitDirectory, oids))).toBeGreaterThan(0)
    const packs = new SmallPacks(gitDirectory, LIMIT)
    for (const [at, oid] of oids.entries()) {
      expect(await packs.find(oid, always)).toEqual({ oid, type: 'blob', content: Buffer.from(texts[at]!) })
    }
  },
)

test('leaves long chains to git', async () => {
  const gitDirectory = bareRepository()
  const lines = [...LINES]
  const texts = Array.from({ length: 12 }, (_, round) => {
    for (let at = 0; at < 150; at++) lines[round * 160 + at] = `round ${round} ${Math.cos(at)}\n`
    return lines.slice(round).join('')
  })
  const oids = deltas(gitDirectory, texts)
  const depths = depthsOf(gitDirectory, oids)
  expect(Math.max(...depths)).toBeGreaterThan(4)
  const found = await Promise.all(oids.map((oid) => new SmallPacks(gitDirectory, LIMIT).find(oid, always)))
  expect(found.map((object) => object !== undefined)).toEqual(depths.map((depth) => depth <= 4))
})

test('leaves deltas of full batches to git', async () => {
  const gitDirectory = bareRepository()
  const text = Array.from({ length: 15 }, (_, round) => LINES.map((line) => `${round} ${line}`))
    .flat()
    .join('')
  expect(text.length).toBeGreaterThan(512 << 10)
  const oids = deltas(gitDirectory, [text, `${text}x`])
  expect(depthsOf(gitDirectory, oids).toSorted()).toEqual([0, 1])
  const found = await Promise.all(oids.map((oid) => new SmallPacks(gitDirectory, LIMIT).find(oid, always)))
  expect(found.filter((object) => object !== undefined)).toHaveLength(1)
})

test('leaves deltas to git once they were many', async () => {
  const gitDirectory = bareRepository()
  const [whole, delta] = deltas(gitDirectory, [LINES.join(''), LINES.slice(9).join('')])
  expect(depthsOf(gitDirectory, [whole!, delta!])).toEqual([0, 1])
  const packs = new SmallPacks(gitDirectory, LIMIT, 3)
  for (let count = 0; count < 3; count++) expect(await packs.find(delta!, always)).toBeDefined()
  expect(await packs.find(delta!, always)).toBeUndefined()
  expect(await packs.find(whole!, always)).toBeDefined()
})

test('leaves packs of very many objects to git', async () => {
  const gitDirectory = bareRepository()
  const paths = Array.from({ length: 2400 }, (_, number) => join(gitDirectory, `file-${number}`))
  for (const path of paths) writeFileSync(path, path)
  const input = git(gitDirectory, ['hash-object', '-w', '--stdin-paths'], { input: paths.join('\n') })
  git(gitDirectory, ['pack-objects', '--quiet', 'objects/pack/pack'], { input })
  const oid = input.toString().slice(0, 40)
  expect(await new SmallPacks(gitDirectory, LIMIT).find(oid, always)).toBeUndefined()
})

test('goes on when a pack was merged into another', async () => {
  const gitDirectory = bareRepository()
  const packs = new SmallPacks(gitDirectory, LIMIT)
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
    const packs = new SmallPacks(gitDirectory, LIMIT)
    for (const { oid, content } of objects) {
      const found = await packs.find(oid, always)
      if (found !== undefined && found !== NO_ROOM) expect(found.content).toEqual(content)
    }
  }
})

test('never gives wrong bytes when a byte of a delta is damaged', async () => {
  const gitDirectory = bareRepository()
  const lines = LINES.slice(0, 60)
  const texts = [lines, lines.slice(3), [...lines.slice(9), 'x'], lines.slice(20)].map((some) =>
    some.join(''),
  )
  const oids = deltas(gitDirectory, texts, '--delta-base-offset')
  expect(Math.max(...depthsOf(gitDirectory, oids))).toBeGreaterThan(0)
  const path = fileOf(gitDirectory, '.pack')
  const whole = readFileSync(path)
  chmodSync(path, 0o644)
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at]! ^= 1 << (at % 8)
    writeFileSync(path, damaged)
    const packs = new SmallPacks(gitDirectory, LIMIT)
    for (const [number, oid] of oids.entries()) {
      const found = await packs.find(oid, always)
      if (found !== undefined && found !== NO_ROOM) expect(found.content.toString()).toEqual(texts[number])
    }
  }
})

/** A pack of two: a base of a MiB, and a delta that repeats it, whose head is behind empty blocks of its deflated bytes. */
function repeatingDelta(gitDirectory: string, times: number): string {
  const base = encodeObject('blob', Buffer.alloc(1 << 20, 'x'))
  const size = (bytes: number) => {
    const digits: number[] = []
    for (let rest = bytes; rest > 0; rest = Math.floor(rest / 128)) digits.push((rest % 128) | 128)
    digits[digits.length - 1]! &= 127
    return Buffer.from(digits)
  }
  const copyOfAMebibyte = Buffer.of(0x80 | 0x40, 0x10)
  const delta = Buffer.concat([size(1 << 20), size(times << 20), ...Array(times).fill(copyOfAMebibyte)])
  const emptyBlocks = Buffer.alloc(200)
  for (let at = 0; at < emptyBlocks.length; at += 5) emptyBlocks.set([0, 0, 0, 0xff, 0xff], at)
  const plain = deflateSync(delta)
  const deflated = Buffer.concat([plain.subarray(0, 2), emptyBlocks, plain.subarray(2)])
  const hash = createHash('sha1').update(`blob ${times << 20}\0`)
  for (let round = 0; round < times; round++) hash.update(base.content)
  const oid = hash.digest('hex')
  writeDelta(gitDirectory, base, oid, deltaHeader(delta), deflated)
  return oid
}

/** What an entry begins with whose base is named by its id: number 7. */
function deltaHeader(delta: Buffer): Buffer {
  return Buffer.of(0xf0 | (delta.length & 15), delta.length >> 4)
}

/** Writes a pack of two: a base, and a delta on it. */
function writeDelta(
  gitDirectory: string,
  base: EncodedObject,
  oid: string,
  header: Buffer,
  deflated: Buffer,
): void {
  const start = Buffer.from('PACK\0\0\0\x02\0\0\0\x02', 'latin1')
  const entries = [
    Buffer.concat([entryHeader('blob', base.content.length), deflateSync(base.content)]),
    Buffer.concat([header, Buffer.from(base.oid, 'hex'), deflated]),
  ]
  const content = Buffer.concat([start, ...entries])
  const checksum = createHash('sha1').update(content).digest()
  const places = [
    { oid: base.oid, checksum: crc32(entries[0]!), offset: start.length },
    { oid, checksum: crc32(entries[1]!), offset: start.length + entries[0]!.length },
  ]
  const path = join(gitDirectory, `objects/pack/pack-${checksum.toString('hex')}`)
  writeFileSync(`${path}.pack`, Buffer.concat([content, checksum]))
  writeFileSync(`${path}.idx`, encodePackIndex(places, checksum))
}

test('takes no more memory for a delta than a full batch has, wherever its head stands', async () => {
  const gitDirectory = bareRepository()
  const oid = repeatingDelta(gitDirectory, 100)
  expect(gitText(gitDirectory, 'cat-file', '-s', oid)).toBe(String(100 << 20))
  expect(await new SmallPacks(gitDirectory, 16 << 20).find(oid, always)).toBeUndefined()
  await expect(new PackedObjects(gitDirectory, nodeFileSystem).read(oid, 16 << 20, always)).rejects.toThrow(
    ObjectTooLargeError,
  )
})

/** So many digits that they say nothing make no number of a size; git, which counts modulo 2^64, reads it as it was. */
const IDLE_DIGITS = Buffer.concat([Buffer.alloc(200, 0x80), Buffer.of(0)])

test('inflates no delta whose size is no number', async () => {
  const gitDirectory = bareRepository()
  const oid = '1'.repeat(40)
  const header = Buffer.concat([Buffer.of(0xf0), IDLE_DIGITS])
  writeDelta(
    gitDirectory,
    encodeObject('blob', Buffer.from('base')),
    oid,
    header,
    deflateSync(Buffer.alloc(8 << 20)),
  )
  const asked: number[] = []
  await new SmallPacks(gitDirectory, LIMIT).find(oid, (bytes) => asked.push(bytes) > 0)
  expect(Math.max(...asked)).toBeLessThan(LIMIT)
  await expect(new PackedObjects(gitDirectory, nodeFileSystem).read(oid, LIMIT, always)).rejects.toThrow(
    ObjectCorruptError,
  )
})

test('keeps its bounds beside a delta that makes a size which is no number', async () => {
  const gitDirectory = bareRepository()
  const { oid } = encodeObject('blob', Buffer.from('xxxxxxxxxx'))
  const delta = Buffer.concat([Buffer.of(100, 0x80 | 10), IDLE_DIGITS, Buffer.of(0x80 | 0x10, 10)])
  const base = encodeObject('blob', Buffer.alloc(100, 'x'))
  writeDelta(gitDirectory, base, oid, deltaHeader(delta), deflateSync(delta))
  expect(gitText(gitDirectory, 'cat-file', 'blob', oid)).toBe('xxxxxxxxxx')
  const room = new Room(LIMIT)
  await new SmallPacks(gitDirectory, LIMIT).find(oid, room.newPlace().take)
  expect(room.newPlace().take(2 * LIMIT)).toBe(false)
  await expect(new PackedObjects(gitDirectory, nodeFileSystem).read(oid, LIMIT, always)).rejects.toThrow(
    ObjectCorruptError,
  )
})

test('asks for room for what an object takes deflated, too', async () => {
  const gitDirectory = bareRepository()
  const objects = await packed(gitDirectory, 'room')
  const { oid, content } = objects.find(({ content }) => content.length === 50_000)!
  const asked: number[] = []
  await new SmallPacks(gitDirectory, LIMIT).find(oid, (bytes) => asked.push(bytes) > 0)
  expect(asked.at(-1)).toBeGreaterThan(content.length)
})

test('opens no pipe that stands in the place of an index or a pack', async () => {
  const gitDirectory = bareRepository()
  const [first] = await packed(gitDirectory, 'files')
  for (const name of ['pack-1.idx', 'pack-2.pack'])
    execFileSync('mkfifo', [join(gitDirectory, 'objects/pack', name)])
  writeFileSync(join(gitDirectory, 'objects/pack/pack-2.idx'), readFileSync(fileOf(gitDirectory, '.idx')))
  const packs = new SmallPacks(gitDirectory, LIMIT)
  expect(await packs.find(first!.oid, always)).toBeDefined()
  expect(await packs.find('0'.repeat(40), always)).toBeUndefined()
})

test('a reader starts no git for what lies loose among such packs', async () => {
  const gitDirectory = bareRepository()
  const packedObjects = await packed(gitDirectory, 'round')
  const loose = encodeObject('blob', Buffer.from('first of all'))
  await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write([loose])
  await using runner = new GitRunner({ repository: { gitDirectory }, environment: { PATH: gitDirectory } })
  await using reader = new GitProcessReader(runner, gitDirectory, LIMIT)
  for (const { oid, content } of [...packedObjects, loose])
    expect((await reader.read(oid)).content.equals(content)).toBe(true)
})
