import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DiskFullError, FileFailedError, PermissionDeniedError } from '../../src/repository/errors.ts'
import { type EncodedObject, encodeCommit, encodeObject, encodeTree } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { CrashFileSystem } from '../system/crash-file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { cutPowerAtAnyStep } from './power-cut.ts'
import { bareRepository, fsck, git, gitSucceeds, gitText, temporaryDirectory } from './real-git.ts'

/** Blob, directory, root and commit of a seal. */
function sealed(text: string): readonly EncodedObject[] {
  const blob = encodeObject('blob', Buffer.from(text))
  const directory = encodeTree([{ mode: '100644', name: 'a.jsonl', oid: blob.oid }])
  const root = encodeTree([{ mode: '40000', name: 'events', oid: directory.oid }])
  const author = { name: 'Ada', email: 'ada@example.org' }
  const commit = encodeCommit({ tree: root.oid, parents: [], author, timeMs: 1e12, message: `${text}\n` })
  return [blob, directory, root, commit]
}

/** The objects of several seals: what becomes a pack. */
function sealedOften(text: string, count = 3): readonly EncodedObject[] {
  return Array.from({ length: count }, (_, number) => sealed(`${text} ${number}`)).flat()
}

function loosePath(oid: string): string {
  return `objects/${oid.slice(0, 2)}/${oid.slice(2)}`
}

function filesOf(gitDirectory: string): string[] {
  const names = readdirSync(join(gitDirectory, 'objects'), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.length > 20)
}

function temporaryFiles(gitDirectory: string): string[] {
  return filesOf(gitDirectory).filter((name) => name.includes('tmp_'))
}

/** Packs and their indexes. */
function packFiles(gitDirectory: string): string[] {
  return packFolder(gitDirectory).filter((name) => !name.endsWith('.keep'))
}

/** What says that packs are to stay as they are. */
function keeps(gitDirectory: string): string[] {
  return packFolder(gitDirectory).filter((name) => name.endsWith('.keep'))
}

function packFolder(gitDirectory: string): string[] {
  return readdirSync(join(gitDirectory, 'objects/pack')).sort()
}

/** What the file system may answer before all names are there, at which call, and what it is told as. */
const BEFORE_NAMES = [
  ['ENOSPC', 'write', DiskFullError],
  ['ENOSPC', 'open', DiskFullError],
  ['EACCES', 'open', PermissionDeniedError],
  ['EROFS', 'makeDirectory', PermissionDeniedError],
  ['EIO', 'sync', FileFailedError],
  ['EIO', 'rename', FileFailedError],
] as const

describe('an object store', () => {
  test('writes objects that git reads and fsck accepts', async () => {
    const gitDirectory = bareRepository()
    const objects = sealed('hello')
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write(objects)
    git(gitDirectory, ['update-ref', 'refs/heads/main', objects.at(-1)!.oid])
    expect(fsck(gitDirectory)).toBe('')
    for (const { oid, type, content } of objects) {
      expect(git(gitDirectory, ['cat-file', type, oid])).toEqual(Buffer.from(content))
    }
  })

  test('writes contents of all sizes', async () => {
    const gitDirectory = bareRepository()
    const store = new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem })
    const blobs = [0, 1, 16_383, 16_384, 2_000_000].map((size) =>
      encodeObject('blob', Buffer.alloc(size, 'x')),
    )
    await store.write(blobs)
    for (const { oid, content } of blobs) {
      expect(git(gitDirectory, ['cat-file', 'blob', oid]).length).toBe(content.length)
    }
    expect(fsck(gitDirectory)).toBe('')
  })

  test('writes read-only files, as git does', async () => {
    const gitDirectory = bareRepository()
    const blob = encodeObject('blob', Buffer.from('x'))
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write([blob])
    expect(statSync(join(gitDirectory, loosePath(blob.oid))).mode & 0o777).toBe(0o444)
  })

  test('replaces an object file that a crash left empty', async () => {
    const gitDirectory = bareRepository()
    const blob = encodeObject('blob', Buffer.from('x'))
    const path = join(gitDirectory, loosePath(blob.oid))
    mkdirSync(join(path, '..'))
    writeFileSync(path, '')
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write([blob, blob])
    expect(gitText(gitDirectory, 'cat-file', 'blob', blob.oid)).toBe('x')
  })

  test('makes a fan-out directory again that git removed', async () => {
    const gitDirectory = bareRepository()
    const store = new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem })
    const objects = sealed('again')
    await store.write(objects)
    for (const object of objects)
      rmSync(join(gitDirectory, loosePath(object.oid), '..'), { recursive: true, force: true })
    await store.write(objects)
    expect(filesOf(gitDirectory)).toHaveLength(objects.length)
  })

  test('syncs each file before it gets its name, and each directory after', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const objects = sealed('order')
    await new ObjectStore({ gitDirectory, fileSystem }).write(objects)
    const { calls } = fileSystem
    for (const object of objects) {
      const to = join(gitDirectory, loosePath(object.oid))
      const isRename = (call: Call) => call.method === 'rename' && call.to === to
      const renamed = calls.findIndex(isRename)
      const temporary = calls[renamed]!.path
      const synced = calls.findIndex(({ method, path }) => method === 'sync' && path === temporary)
      const written = calls.findLastIndex(({ method, path }) => method === 'write' && path === temporary)
      expect(written).toBeGreaterThanOrEqual(0)
      expect(written).toBeLessThan(synced)
      expect(synced).toBeLessThan(renamed)
      for (const directory of [join(to, '..'), join(gitDirectory, 'objects')]) {
        const isSync = ({ method, path }: Call) => method === 'syncDirectory' && path === directory
        expect(calls.findLastIndex(isSync)).toBeGreaterThan(calls.findLastIndex(isRename))
      }
    }
  })

  test('loses nothing that it finished to a power cut, and corrupts nothing at any step before', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = await CrashFileSystem.over(gitDirectory)
    const objects = sealed('power')
    await new ObjectStore({ gitDirectory, fileSystem }).write(objects)
    await cutPowerAtAnyStep(fileSystem, 40, async (left, wasAtEnd) => {
      expect(await gitSucceeds(left, 'fsck', '--strict', '--connectivity-only')).toBe(true)
      for (const { oid, type } of objects) {
        if (existsSync(join(left, loosePath(oid)))) git(left, ['cat-file', type, oid])
        else expect(wasAtEnd).toBe(false)
      }
    })
  })

  test.each([...BEFORE_NAMES, ['EIO', 'syncDirectory', FileFailedError]] as const)(
    'that meets %s at %s says so and leaves no temporary file',
    async (code, method, expected) => {
      const gitDirectory = bareRepository()
      const fileSystem = new FaultyFileSystem(nodeFileSystem)
      fileSystem.fail({ on: (call) => call.method === method, nth: 2, effect: { kind: 'error', code } })
      const failure = new ObjectStore({ gitDirectory, fileSystem }).write(sealed('fault'))
      await expect(failure).rejects.toBeInstanceOf(expected)
      expect(temporaryFiles(gitDirectory)).toEqual([])
      expect(fsck(gitDirectory)).not.toContain('error')
    },
  )

  test.each([
    ['loose files', 1],
    ['a pack', 3],
  ])('makes %s of what was begun before, and nothing of what is never asked for', async (_, commits) => {
    const gitDirectory = bareRepository()
    const store = new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem })
    const blobs = [100, 20_000, 1 << 20, (1 << 20) + 1].map((size) =>
      encodeObject('blob', randomBytes(size / 2), Buffer.alloc(size / 2)),
    )
    const objects = [...blobs, ...sealedOften('begun', commits)]
    for (const object of [...objects, ...objects]) store.begin(object)
    const other = encodeObject('blob', randomBytes(20_000))
    store.begin(other)
    await store.write(objects)
    store.abandonBegun()
    expect(packFiles(gitDirectory)).toHaveLength(commits === 1 ? 0 : 2)
    for (const { oid, type, content } of objects)
      expect(git(gitDirectory, ['cat-file', type, oid]).equals(content)).toBe(true)
    expect(await gitSucceeds(gitDirectory, 'cat-file', '-e', other.oid)).toBe(false)
    expect(temporaryFiles(gitDirectory)).toEqual([])
    expect(fsck(gitDirectory)).toBe('')
  })

  test('goes on after a short write, and takes one of nothing for a full disk', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    fileSystem.fail({ on: ({ method }) => method === 'write', effect: { kind: 'short', bytes: 3 } })
    const blob = encodeObject('blob', Buffer.from('short'))
    await new ObjectStore({ gitDirectory, fileSystem }).write([blob])
    expect(gitText(gitDirectory, 'cat-file', 'blob', blob.oid)).toBe('short')

    fileSystem.fail({ on: ({ method }) => method === 'write', effect: { kind: 'short', bytes: 0 } })
    await expect(new ObjectStore({ gitDirectory, fileSystem }).write([blob])).rejects.toBeInstanceOf(
      DiskFullError,
    )
  })
})

describe('an object store, of the objects of several commits,', () => {
  test('makes one read-only pack that git takes for its own', async () => {
    const gitDirectory = bareRepository()
    const objects = sealedOften('packed')
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write([...objects, ...objects])
    const [index, pack] = packFiles(gitDirectory).map((name) => join(gitDirectory, 'objects/pack', name))
    expect(filesOf(gitDirectory)).toHaveLength(3)
    for (const path of [index!, pack!]) expect(statSync(path).mode & 0o777).toBe(0o444)
    expect(gitText(gitDirectory, 'verify-pack', '-v', index!)).toContain('pack: ok')
    git(gitDirectory, ['update-ref', 'refs/heads/main', objects.at(-1)!.oid])
    expect(fsck(gitDirectory)).toBe('')
    for (const { oid, type, content } of objects) {
      expect(git(gitDirectory, ['cat-file', type, oid])).toEqual(Buffer.from(content))
    }
  })

  test('lets no collection take a pack before a branch leads to it', async () => {
    const gitDirectory = bareRepository()
    const store = new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem })
    const objects = sealedOften('kept')
    await store.write(objects)
    git(gitDirectory, ['repack', '-a', '-d', '-q'])
    git(gitDirectory, ['gc', '--prune=now', '--quiet'])
    git(gitDirectory, ['update-ref', 'refs/heads/main', objects.at(-1)!.oid])
    expect(fsck(gitDirectory)).toBe('')
    await store.settle()
    git(gitDirectory, ['repack', '-a', '-d', '-q'])
    expect(fsck(gitDirectory)).toBe('')
    expect(keeps(gitDirectory)).toEqual([])
  })

  test('removes what killed writers left beside their packs, and nothing of anybody else', async () => {
    const gitDirectory = bareRepository()
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write(sealedOften('killed'))
    const [left] = keeps(gitDirectory)
    const own = join(gitDirectory, 'objects/pack/own.keep')
    writeFileSync(own, 'mine')
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write(sealedOften('next'))
    expect(keeps(gitDirectory)).toHaveLength(2)
    expect(keeps(gitDirectory)).toContain('own.keep')
    expect(keeps(gitDirectory)).not.toContain(left)
  })

  test('knows its .keep again when a power cut brings it back', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = await CrashFileSystem.over(gitDirectory)
    const store = new ObjectStore({ gitDirectory, fileSystem })
    await store.write(sealedOften('cut'))
    await store.settle()
    const target = temporaryDirectory()
    await fileSystem.crash({ at: fileSystem.steps, survives: () => false, target })
    expect(keeps(target)).toHaveLength(1)
    const next = new ObjectStore({ gitDirectory: target, fileSystem: nodeFileSystem })
    await next.write(sealedOften('next'))
    await next.settle()
    expect(keeps(target)).toEqual([])
  })

  test('leaves them loose when they are too large to be held in memory together', async () => {
    const gitDirectory = bareRepository()
    const large = encodeObject('blob', Buffer.alloc((16 << 20) + 1))
    const objects = [large, ...sealedOften('large')]
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write(objects)
    expect(packFiles(gitDirectory)).toEqual([])
    expect(filesOf(gitDirectory)).toHaveLength(objects.length)
  })

  test('writes them again when they are there already', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const store = new ObjectStore({ gitDirectory, fileSystem })
    const objects = sealedOften('again')
    await store.write(objects)
    const once = fileSystem.calls.length
    await store.write(objects)
    const synced = fileSystem.calls.slice(once).filter(({ method }) => method.startsWith('sync'))
    expect(synced).toHaveLength(4)
    expect(packFiles(gitDirectory)).toHaveLength(2)
  })

  test('makes the folder of packs where there is none', async () => {
    const gitDirectory = bareRepository()
    rmSync(join(gitDirectory, 'objects/pack'), { recursive: true })
    await new ObjectStore({ gitDirectory, fileSystem: nodeFileSystem }).write(sealedOften('folder'))
    expect(packFiles(gitDirectory)).toHaveLength(2)
  })

  test('syncs all files before they get their names, the index last, and the folder after', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    await new ObjectStore({ gitDirectory, fileSystem }).write(sealedOften('order'))
    const { calls } = fileSystem
    const renames = calls.filter(({ method }) => method === 'rename')
    expect(renames.map(({ to }) => extname(to!))).toEqual(['.pack', '.keep', '.idx'])
    for (const { path } of renames) {
      const renamed = calls.findIndex((call) => call.method === 'rename' && call.path === path)
      const synced = calls.findIndex((call) => call.method === 'sync' && call.path === path)
      const written = calls.findLastIndex((call) => call.method === 'write' && call.path === path)
      expect(written).toBeGreaterThanOrEqual(0)
      expect(written).toBeLessThan(synced)
      expect(synced).toBeLessThan(renamed)
    }
    for (const folder of ['objects/pack', 'objects']) {
      const path = join(gitDirectory, folder)
      const synced = calls.findLastIndex((call) => call.method === 'syncDirectory' && call.path === path)
      expect(synced).toBeGreaterThan(calls.findLastIndex(({ method }) => method === 'rename'))
    }
  })

  test.each([
    ['what git made', []],
    ['no folder of packs', ['pack']],
  ])(
    'loses nothing that it finished to a power cut, and corrupts nothing before, with %s',
    async (_, gone) => {
      const gitDirectory = bareRepository()
      for (const name of gone) rmSync(join(gitDirectory, 'objects', name), { recursive: true })
      const fileSystem = await CrashFileSystem.over(gitDirectory)
      const objects = sealedOften('power')
      await new ObjectStore({ gitDirectory, fileSystem }).write(objects)
      const end = fileSystem.steps
      const isWholeAfter = async (at: number, survives: () => boolean) => {
        const target = temporaryDirectory()
        await fileSystem.crash({ at, survives, target })
        expect(await gitSucceeds(target, 'fsck', '--strict', '--connectivity-only')).toBe(true)
        const isThere = await gitSucceeds(target, 'cat-file', '-e', objects[0]!.oid)
        if (isThere || at === end) {
          for (const { oid, type } of objects)
            expect(await gitSucceeds(target, 'cat-file', type, oid)).toBe(true)
        }
      }
      await isWholeAfter(end, () => false)
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: end }), fc.infiniteStream(fc.boolean()), (at, coins) =>
          isWholeAfter(at, () => coins.next().value),
        ),
        { numRuns: 20 },
      )
    },
  )

  test.each(BEFORE_NAMES)(
    'that meets %s at %s says so, leaves nothing behind and is right the next time',
    async (code, method, expected) => {
      for (const nth of method === 'makeDirectory' ? [1] : [1, 2]) {
        const gitDirectory = bareRepository()
        const fileSystem = new FaultyFileSystem(nodeFileSystem)
        fileSystem.fail({ on: (call) => call.method === method, nth, effect: { kind: 'error', code } })
        const store = new ObjectStore({ gitDirectory, fileSystem })
        const objects = sealedOften('fault')
        await expect(store.write(objects)).rejects.toBeInstanceOf(expected)
        expect(packFolder(gitDirectory)).toEqual([])
        await store.write(objects)
        expect(packFiles(gitDirectory)).toHaveLength(2)
        expect(fsck(gitDirectory)).not.toContain('error')
      }
    },
  )

  test.each(['objects/pack', 'objects'])('that cannot sync %s syncs it the next time', async (folder) => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const path = join(gitDirectory, folder)
    const isSync = (call: Call) => call.method === 'syncDirectory' && call.path === path
    fileSystem.fail({ on: isSync, effect: { kind: 'error', code: 'EIO' } })
    const store = new ObjectStore({ gitDirectory, fileSystem })
    await expect(store.write(sealedOften('sync'))).rejects.toBeInstanceOf(FileFailedError)
    await store.write(sealedOften('sync'))
    expect(fileSystem.calls.filter(isSync)).toHaveLength(2)
    expect(temporaryFiles(gitDirectory)).toEqual([])
  })

  test('keeps the same pack of an earlier attempt when it cannot be written again', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const store = new ObjectStore({ gitDirectory, fileSystem })
    const objects = sealedOften('kept')
    await store.write(objects)
    for (const nth of [1, 2]) {
      const on = ({ method }: Call) => method === 'rename'
      fileSystem.fail({ on, nth, effect: { kind: 'error', code: 'EIO' } })
      await expect(store.write(objects)).rejects.toBeInstanceOf(FileFailedError)
      expect(packFiles(gitDirectory).map((name) => extname(name))).toEqual(['.idx', '.pack'])
      git(gitDirectory, ['cat-file', 'commit', objects.at(-1)!.oid])
    }
  })
})
