import { readFileSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCorruptError, ObjectMissingError, ObjectTooLargeError } from '../../src/repository/errors.ts'
import { type GitObject, type GitReader, ReaderClosedError } from '../../src/repository/git-reader.ts'
import { type EncodedObject, encodeCommit, encodeObject, encodeTree } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { openReader } from '../../src/repository/open-reader.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import {
  commitFiles,
  damage,
  git,
  gitText,
  looseObjectPath,
  packPath,
  TemporaryFolder,
  writeObject,
} from './real-git.ts'

const ABSENT = '0123456789012345678901234567890123456789'

/** What every engine of the reader has to do. */
export function describeGitReader(engine: 'git' | 'isomorphic'): void {
  describe(`GitReader, engine ${engine}`, () => {
    let folder: TemporaryFolder
    let directory: string
    let runner: GitRunner
    let reader: GitReader

    beforeEach(async () => {
      folder = new TemporaryFolder()
      directory = folder.join('log.git')
      git(folder.path, ['init', '--quiet', '--bare', directory])
      runner = new GitRunner({ repository: { gitDirectory: directory } })
      reader = await open()
    })

    afterEach(async () => {
      await reader[Symbol.asyncDispose]()
      await runner[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    })

    function open(limitBytes?: number): Promise<GitReader> {
      return openReader({ engine, gitDirectory: directory, runner, limitBytes })
    }

    /** Some similar blobs, in one pack, most of them as deltas. */
    function pack(count = 20): string[] {
      const base = Array.from({ length: 200 }, (_, line) => `line ${line} ${Math.sin(line)}\n`).join('')
      const files = Array.from({ length: count }, (_, n) => [`f${n}`, `${base}${n}\n`] as const)
      commitFiles(directory, Object.fromEntries(files))
      git(directory, ['repack', '--quiet', '-a', '-d', '-f', '--depth=10'])
      const listing = gitText(directory, 'ls-tree', '--format=%(objectname)', 'main')
      return listing.split('\n')
    }

    it('names its engine', () => {
      expect(reader.engine).toBe(engine)
    })

    it('reads a loose object', async () => {
      const oid = writeObject(directory, 'hello')
      expect(await reader.read(oid)).toEqual({ oid, type: 'blob', content: Buffer.from('hello') })
    })

    it('reads commits and trees', async () => {
      const commit = commitFiles(directory, { a: 'x' })
      expect((await reader.read(commit)).type).toBe('commit')
      const tree = gitText(directory, 'rev-parse', 'main^{tree}')
      expect(await reader.read(tree)).toMatchObject({
        type: 'tree',
        content: git(directory, ['cat-file', 'tree', tree]),
      })
    })

    it('reads packed objects, deltas among them', async () => {
      const oids = pack()
      expect(gitText(directory, 'verify-pack', '-v', packPath(directory))).toMatch(/chain length = \d/)
      for (const oid of oids) {
        expect((await reader.read(oid)).content).toEqual(git(directory, ['cat-file', 'blob', oid]))
      }
    })

    it('gives bytes back exactly: UTF-8, CRLF, NUL, no line feed at the end', async () => {
      const contents = ['', '\n', 'é\r\nß\r\n', 'a\0b', '\ufeff{"a":1}\n\n', '💡']
      for (const content of contents) {
        const oid = writeObject(directory, content)
        expect((await reader.read(oid)).content.toString()).toBe(content)
      }
    })

    it('reads an object of many mebibytes', async () => {
      const content = Buffer.alloc(9_000_001, 'abcdefghi\n')
      const oid = writeObject(directory, content)
      const read = await reader.read(oid)
      expect(content.equals(read.content)).toBe(true)
    })

    it.each([ABSENT, 'main', `${ABSENT}\n`, ABSENT.slice(1), '--batch'])('misses %j', async (oid) => {
      commitFiles(directory, { a: 'x' })
      await expect(reader.read(oid)).rejects.toThrow(ObjectMissingError)
    })

    it('goes on after a missing object', async () => {
      const oid = writeObject(directory, 'hello')
      await expect(reader.read(ABSENT)).rejects.toThrow(ObjectMissingError)
      expect((await reader.read(oid)).content.toString()).toBe('hello')
    })

    it('refuses an object that is too large, and goes on', async () => {
      await using small = await open(1000)
      const large = writeObject(directory, Buffer.alloc(1001, 'x'))
      const fitting = writeObject(directory, Buffer.alloc(1000, 'x'))
      const reads = [fitting, large, fitting, large].map((oid) => small.read(oid))
      const results = await Promise.allSettled(reads)
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected'])
      await expect(reads[1]).rejects.toThrow(ObjectTooLargeError)
      await expect(reads[1]).rejects.toMatchObject({ oid: large, size: 1001, limit: 1000 })
    })

    it('finds every damaged byte of a loose object', async () => {
      const good = writeObject(directory, 'untouched')
      const oid = writeObject(directory, 'hello hello hello')
      const path = looseObjectPath(directory, oid)
      const original = readFileSync(path)
      for (let at = 0; at < original.length; at += 3) {
        damage(path, () => flip(original, at))
        reader.refresh()
        // Not every bit of a compressed stream matters.
        const result = await reader.read(oid).then(
          ({ content }) => content.toString(),
          (error: unknown) => error,
        )
        if (result !== 'hello hello hello') expect(result).toBeInstanceOf(ObjectCorruptError)
      }
      expect((await reader.read(good)).content.toString()).toBe('untouched')
    })

    it.each([0, 10])('finds a loose object cut to %i bytes', async (length) => {
      const oid = writeObject(directory, 'hello hello hello')
      damage(looseObjectPath(directory, oid), (bytes) => bytes.subarray(0, length))
      await expect(reader.read(oid)).rejects.toThrow(ObjectCorruptError)
    })

    it('finds a loose object that holds another one', async () => {
      const oid = writeObject(directory, 'one')
      const other = writeObject(directory, 'two')
      damage(looseObjectPath(directory, oid), () => readFileSync(looseObjectPath(directory, other)))
      await expect(reader.read(oid)).rejects.toThrow(ObjectCorruptError)
    })

    it('finds a pack whose index leads to another object', async () => {
      const oids = ['one', 'two'].map((content) => writeObject(directory, content))
      git(directory, ['pack-objects', '--quiet', 'objects/pack/pack'], { input: oids.join('\n') })
      git(directory, ['prune-packed', '--quiet'])
      damage(packPath(directory).replace(/pack$/, 'idx'), (index) => {
        // Header, fan-out table, 2 names, 2 checksums; then the 2 offsets, and 2 checksums of the files.
        const at = 8 + 256 * 4 + 2 * 20 + 2 * 4
        const offsets = [index.subarray(at + 4, at + 8), index.subarray(at, at + 4)]
        return Buffer.concat([index.subarray(0, at), ...offsets, index.subarray(at + 8)])
      })
      for (const oid of oids) await expect(reader.read(oid)).rejects.toThrow(ObjectCorruptError)
    })

    it('never gives wrong bytes from a damaged pack', async () => {
      const oids = pack(4)
      const contents = new Map(oids.map((oid) => [oid, git(directory, ['cat-file', 'blob', oid])]))
      const path = packPath(directory)
      const original = readFileSync(path)
      let refused = 0
      for (let at = 12; at < original.length - 20; at += 397) {
        damage(path, () => flip(original, at))
        await using fresh = await open()
        for (const oid of oids) {
          const result = await fresh.read(oid).catch((error: unknown) => error)
          if (result instanceof ObjectCorruptError || result instanceof ObjectMissingError) refused += 1
          else expect((result as GitObject).content).toEqual(contents.get(oid))
        }
      }
      expect(refused).toBeGreaterThan(0)
    })

    it('reads many in the order asked, the same one twice', async () => {
      const oids = pack(200)
      const asked = [...oids.toReversed(), oids[7]!, oids[7]!]
      expect(await collect(reader.readMany(asked))).toEqual(asked)
    })

    it('reads none of none', async () => {
      expect(await collect(reader.readMany([]))).toEqual([])
    })

    it('gives what stands before a missing object, then its error', async () => {
      const oids = pack(10)
      const got: string[] = []
      const all = (async () => {
        for await (const { oid } of reader.readMany([...oids, ABSENT, ...oids])) got.push(oid)
      })()
      await expect(all).rejects.toThrow(ObjectMissingError)
      expect(got).toEqual(oids)
    })

    it('can be asked for other objects while many are read', async () => {
      const oids = pack(100)
      for await (const { oid } of reader.readMany(oids)) expect((await reader.read(oid)).oid).toBe(oid)
    })

    it('stops reading many when it is aborted', async () => {
      const oids = pack(100)
      const controller = new AbortController()
      const got: string[] = []
      const all = (async () => {
        for await (const { oid } of reader.readMany(oids, controller.signal)) {
          if (got.push(oid) === 3) controller.abort(new Error('enough'))
        }
      })()
      await expect(all).rejects.toThrow('enough')
      expect(got).toEqual(oids.slice(0, 3))
    })

    it('may be left in the middle of reading many', async () => {
      const oids = pack(100)
      for await (const _ of reader.readMany(oids)) break
      expect(await collect(reader.readMany(oids))).toEqual(oids)
    })

    it('gives sizes in the order asked', async () => {
      const oids = ['', 'x', 'x'.repeat(70_000)].map((content) => writeObject(directory, content))
      expect(await reader.sizes([...oids, oids[0]!])).toEqual([0, 1, 70_000, 0])
      await expect(reader.sizes([oids[0]!, ABSENT])).rejects.toThrow(ObjectMissingError)
    })

    it('sees objects that appear after it was opened', async () => {
      await reader.read(writeObject(directory, 'one'))
      expect((await reader.read(writeObject(directory, 'two'))).content.toString()).toBe('two')
      const oids = pack()
      reader.refresh()
      expect(await collect(reader.readMany(oids))).toEqual(oids)
    })

    it('finds what a writer packs after it has read, and again when that is merged', async () => {
      const seals = Array.from({ length: 3 }, (_, seal) => {
        const blobs = Array.from({ length: 3 }, (_, n) =>
          encodeObject('blob', Buffer.alloc(20_000, `${seal}.${n} `)),
        )
        const commits = blobs.map(({ oid }, n) => {
          const tree = encodeTree([{ mode: '100644', name: `${n}`, oid }])
          const author = { name: 'Ada', email: 'ada@example.org' }
          return [tree, encodeCommit({ tree: tree.oid, parents: [], author, timeMs: 0, message: `${seal}` })]
        })
        return [...blobs, ...commits.flat()]
      })
      const store = new ObjectStore({ gitDirectory: directory, fileSystem: nodeFileSystem })
      for (const objects of seals) {
        await store.write(objects)
        for (const { oid, content } of objects) expect((await reader.read(oid)).content).toEqual(content)
        expect(await reader.sizes([objects[0]!.oid])).toEqual([20_000])
      }
      git(directory, ['repack', '--quiet', '-a', '-d', '-k'])
      reader.refresh()
      for (const { oid, content } of seals.flat()) expect((await reader.read(oid)).content).toEqual(content)
    })

    it('keeps nothing of a small pack in memory', async () => {
      const commits: EncodedObject[] = []
      for (const message of ['first', 'second', 'third']) {
        const parents = commits.slice(-1).map(({ oid }) => oid)
        const author = { name: 'Ada', email: 'ada@example.org' }
        commits.push(encodeCommit({ tree: encodeTree([]).oid, parents, author, timeMs: 0, message }))
      }
      await new ObjectStore({ gitDirectory: directory, fileSystem: nodeFileSystem }).write(commits)
      for (const { oid, content } of commits) expect((await reader.read(oid)).content).toEqual(content)
      expect(await reader.isAncestor(commits[0]!.oid, commits[2]!.oid)).toBe(true)
      rmSync(packPath(directory))
      for (const { oid } of commits) await expect(reader.read(oid)).rejects.toThrow()
    })

    it('goes on after a repack and a refresh', async () => {
      const before = pack()
      await collect(reader.readMany(before))
      commitFiles(directory, { other: 'x' })
      git(directory, ['repack', '--quiet', '-a', '-d', '-f', '--depth=0'])
      reader.refresh()
      expect(await collect(reader.readMany(before))).toEqual(before)
    })

    it('knows ancestors', async () => {
      const first = commitFiles(directory, { a: '1' })
      const second = commitFiles(directory, { a: '2' })
      const third = commitFiles(directory, { a: '3' })
      const side = commitFiles(directory, { a: 'side' }, { branch: 'side', parent: first })
      expect(await reader.isAncestor(first, third)).toBe(true)
      expect(await reader.isAncestor(second, second)).toBe(true)
      expect(await reader.isAncestor(third, first)).toBe(false)
      expect(await reader.isAncestor(second, side)).toBe(false)
      await expect(reader.isAncestor(ABSENT, third)).rejects.toThrow(ObjectMissingError)
    })

    it('rejects what is being read when it is closed, and what is asked later', async () => {
      const oids = pack(100)
      const reads = Promise.allSettled(oids.map((oid) => reader.read(oid)))
      await reader[Symbol.asyncDispose]()
      for (const result of await reads) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ReaderClosedError)
      }
      await expect(reader.read(oids[0]!)).rejects.toThrow(ReaderClosedError)
      await reader[Symbol.asyncDispose]()
    })
  })
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 0x10
  return copy
}

async function collect(objects: AsyncIterable<GitObject>): Promise<string[]> {
  const oids: string[] = []
  for await (const { oid } of objects) oids.push(oid)
  return oids
}
