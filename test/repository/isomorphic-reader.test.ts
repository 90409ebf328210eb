import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { constants, deflateRawSync, deflateSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ObjectCorruptError } from '../../src/repository/errors.ts'
import { IsomorphicReader } from '../../src/repository/isomorphic-reader.ts'
import { entryHeader } from '../../src/repository/pack-entry.ts'
import { encodePackIndex } from '../../src/repository/pack-index.ts'
import {
  bareRepository,
  commitFiles,
  git,
  gitText,
  looseObjectPath,
  packPath,
  writeObject,
} from './real-git.ts'

const LIMIT = 1 << 20
const ABSENT = '0123456789012345678901234567890123456789'

function readerOf(gitDirectory: string): IsomorphicReader {
  const reader = new IsomorphicReader(gitDirectory, LIMIT)
  onTestFinished(() => reader[Symbol.asyncDispose]())
  return reader
}

function makePipe(path: string): void {
  rmSync(path, { force: true })
  execFileSync('mkfifo', [path])
}

/** A pack of too many objects for the reader to take them without isomorphic-git. @returns one of them */
function packMany(gitDirectory: string): string {
  const files = Array.from({ length: 2_500 }, (_, number) => [`f${number}`, `${number}\n`] as const)
  commitFiles(gitDirectory, Object.fromEntries(files))
  git(gitDirectory, ['repack', '--quiet', '-a', '-d'])
  return gitText(gitDirectory, 'rev-parse', 'main:f7')
}

describe('a pipe, whose opening never ends, in the place of', () => {
  test.each(['idx', 'pack'])('a .%s is not waited for', async (ending) => {
    const gitDirectory = bareRepository()
    const oid = packMany(gitDirectory)
    const pack = packPath(gitDirectory)
    const other = join(gitDirectory, 'objects/pack/pack-0')
    if (ending === 'pack') writeFileSync(`${other}.idx`, readFileSync(pack.replace(/pack$/, 'idx')))
    makePipe(`${other}.${ending}`)
    await expect(readerOf(gitDirectory).read(oid)).rejects.toThrow(ObjectCorruptError)
  })

  test('a loose object is not waited for', async () => {
    const gitDirectory = bareRepository()
    const oid = writeObject(gitDirectory, 'content')
    makePipe(looseObjectPath(gitDirectory, oid))
    await expect(readerOf(gitDirectory).read(oid)).rejects.toThrow(ObjectCorruptError)
  })

  test('the file of a shallow clone is not waited for', async () => {
    const gitDirectory = bareRepository()
    const first = commitFiles(gitDirectory, { a: '1' })
    const other = commitFiles(gitDirectory, { a: '2' }, { parent: null })
    makePipe(join(gitDirectory, 'shallow'))
    await expect(readerOf(gitDirectory).isAncestor(first, other)).rejects.toThrow(ObjectCorruptError)
  })
})

test('a pipe in another name of a pack hides no object of small packs', async () => {
  const gitDirectory = bareRepository()
  commitFiles(gitDirectory, { a: 'content' })
  git(gitDirectory, ['repack', '--quiet', '-a', '-d'])
  makePipe(join(gitDirectory, 'objects/pack/pack-0.idx'))
  const oid = gitText(gitDirectory, 'rev-parse', 'main:a')
  expect((await readerOf(gitDirectory).read(oid)).content.toString()).toBe('content')
  await expect(readerOf(gitDirectory).read(ABSENT)).rejects.toThrow(ObjectCorruptError)
})

/** What inflates to a beginning and hundreds of MiB of zeros, of which it takes a thousandth. */
function endless(beginning = ''): Buffer {
  const deflate = (bytes: Buffer) => deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH })
  const zeros = Array<Buffer>(300).fill(deflate(Buffer.alloc(1 << 20)))
  return Buffer.concat([Buffer.of(0x78, 0x9c), deflate(Buffer.from(beginning)), ...zeros])
}

/** Writes a pack of entries as they stand, each with an id of its own. @returns these */
function writePack(gitDirectory: string, entries: readonly Buffer[]): string[] {
  const start = Buffer.from(`PACK\0\0\0\x02\0\0\0${String.fromCharCode(entries.length)}`, 'latin1')
  const content = Buffer.concat([start, ...entries])
  const checksum = createHash('sha1').update(content).digest()
  let offset = start.length
  const places = entries.map((entry, n) => {
    const place = { oid: `${n + 1}`.repeat(40), checksum: 0, offset }
    offset += entry.length
    return place
  })
  const path = join(gitDirectory, `objects/pack/pack-${checksum.toString('hex')}`)
  writeFileSync(`${path}.pack`, Buffer.concat([content, checksum]))
  writeFileSync(`${path}.idx`, encodePackIndex(places, checksum))
  return places.map((place) => place.oid)
}

describe('no more is taken into memory than was announced, and nothing without end, of', () => {
  const delta = deflateSync(Buffer.of(10, 10, 0x90, 10))
  const deltaOn = (oid: string, deflated: Buffer) =>
    Buffer.concat([Buffer.of(0x74), Buffer.from(oid, 'hex'), deflated])
  const [first, second] = ['1'.repeat(40), '2'.repeat(40)]
  const large = Buffer.concat([entryHeader('blob', 10), endless()])
  test.each([
    ['an object', [large]],
    ['the base of a delta', [large, deltaOn(first, delta)]],
    [
      'a delta',
      [
        Buffer.concat([entryHeader('blob', 10), deflateSync(Buffer.alloc(10))]),
        deltaOn(first, endless('\n\n')),
      ],
    ],
    ['two deltas on each other', [deltaOn(second, delta), deltaOn(first, delta)]],
  ])('%s in a pack', async (_, entries) => {
    const gitDirectory = bareRepository()
    const oid = writePack(gitDirectory, entries).at(-1)!
    const before = process.resourceUsage().maxRSS
    await expect(readerOf(gitDirectory).read(oid)).rejects.toThrow(ObjectCorruptError)
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(100_000)
  })

  test('a loose object', async () => {
    const gitDirectory = bareRepository()
    const path = looseObjectPath(gitDirectory, ABSENT)
    mkdirSync(dirname(path))
    writeFileSync(path, endless('blob 10\0'))
    const before = process.resourceUsage().maxRSS
    await expect(readerOf(gitDirectory).read(ABSENT)).rejects.toThrow(ObjectCorruptError)
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(100_000)
  })
})
