import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DiskFullError, FileFailedError, PermissionDeniedError } from '../../src/repository/errors.ts'
import { type EncodedObject, encodeCommit, encodeObject, encodeTree } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { CrashFileSystem } from '../system/crash-file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
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

function loosePath(oid: string): string {
  return `objects/${oid.slice(0, 2)}/${oid.slice(2)}`
}

function looseFiles(gitDirectory: string): string[] {
  return readdirSync(join(gitDirectory, 'objects'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.length > 20,
  )
}

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
    expect(looseFiles(gitDirectory)).toHaveLength(objects.length)
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
    const end = fileSystem.steps
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: end }),
        fc.infiniteStream(fc.boolean()),
        async (at, coins) => {
          const target = temporaryDirectory()
          await fileSystem.crash({ at, survives: () => coins.next().value, target })
          expect(await gitSucceeds(target, 'fsck', '--strict', '--connectivity-only')).toBe(true)
          for (const { oid, type } of objects) {
            if (existsSync(join(target, loosePath(oid)))) git(target, ['cat-file', type, oid])
            else expect(at).toBeLessThan(end)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test.each([
    ['ENOSPC', 'write', DiskFullError],
    ['ENOSPC', 'open', DiskFullError],
    ['EACCES', 'open', PermissionDeniedError],
    ['EROFS', 'makeDirectory', PermissionDeniedError],
    ['EIO', 'sync', FileFailedError],
    ['EIO', 'rename', FileFailedError],
    ['EIO', 'syncDirectory', FileFailedError],
  ] as const)('that meets %s at %s says so and leaves no temporary file', async (code, method, expected) => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    fileSystem.fail({ on: (call) => call.method === method, nth: 2, effect: { kind: 'error', code } })
    const failure = new ObjectStore({ gitDirectory, fileSystem }).write(sealed('fault'))
    await expect(failure).rejects.toBeInstanceOf(expected)
    expect(looseFiles(gitDirectory).filter((name) => name.startsWith('tmp_'))).toEqual([])
    expect(fsck(gitDirectory)).not.toContain('error')
  })

  test('of what was begun before makes one file, under its name only when it is written', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const store = new ObjectStore({ gitDirectory, fileSystem })
    const objects = sealed('begun')
    const created = () =>
      fileSystem.calls.filter(({ method, path }) => method === 'open' && path.includes('tmp_'))
    for (const object of [...objects, ...objects]) store.begin(object)
    const other = encodeObject('blob', Buffer.from('never asked for'))
    store.begin(other)
    await store.write(objects)
    expect(created()).toHaveLength(objects.length + 1)
    for (const { oid, type, content } of objects)
      expect(git(gitDirectory, ['cat-file', type, oid])).toEqual(content)
    expect(await gitSucceeds(gitDirectory, 'cat-file', '-e', other.oid)).toBe(false)
    await store.abandonBegun()
    expect(looseFiles(gitDirectory).filter((name) => name.startsWith('tmp_'))).toEqual([])
    expect(fsck(gitDirectory)).not.toContain('error')
  })

  test('tells what failed of what was begun, and is right the next time', async () => {
    const gitDirectory = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const store = new ObjectStore({ gitDirectory, fileSystem })
    const objects = sealed('begun')
    fileSystem.fail({
      on: ({ method }) => method === 'sync',
      nth: 2,
      effect: { kind: 'error', code: 'ENOSPC' },
    })
    for (const object of objects) store.begin(object)
    await expect(store.write(objects)).rejects.toBeInstanceOf(DiskFullError)
    await store.abandonBegun()
    expect(looseFiles(gitDirectory).filter((name) => name.startsWith('tmp_'))).toEqual([])
    await store.write(objects)
    expect(fsck(gitDirectory)).not.toContain('error')
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
