import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { removeAbandonedFiles, removeOldTemporaries } from '../../src/repository/abandoned-files.ts'
import { encodeObject } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { bareRepository } from './real-git.ts'

/** So many that they make a pack. */
const COMMITS = [1, 2, 3].map((number) => encodeObject('commit', Buffer.from(`commit ${number}`)))

const HOUR = 3600

function unfinished(repository: string, name: string, ageSeconds: number): string {
  const path = join(repository, 'objects/pack', name)
  mkdirSync(join(repository, 'objects/pack'), { recursive: true })
  writeFileSync(path, 'PACK')
  const written = Date.now() / 1000 - ageSeconds
  utimesSync(path, written, written)
  return path
}

describe('a temporary file of an object or of a small file', () => {
  const left = (folder: string, ageSeconds: number) => {
    mkdirSync(folder, { recursive: true })
    const path = join(folder, `tmp_obj_${ageSeconds}`)
    writeFileSync(path, 'x')
    const written = Date.now() / 1000 - ageSeconds
    utimesSync(path, written, written)
    return path
  }

  test('that is old is removed wherever one is written, and nothing else', async () => {
    const repository = bareRepository()
    const folders = ['', 'objects', 'objects/5a', 'memoir', 'memoir/snapshots', 'memoir/remotes']
    const paths = folders.map((folder) => left(join(repository, folder), 2 * HOUR))
    const others = [
      left(join(repository, 'objects'), HOUR / 2),
      left(join(repository, 'memoir/elsewhere'), 2 * HOUR),
    ]
    expect(await removeOldTemporaries(nodeFileSystem, repository)).toBe(folders.length)
    expect(paths.filter((path) => existsSync(path))).toEqual([])
    expect(others.filter((path) => existsSync(path))).toEqual(others)
    expect(existsSync(join(repository, 'config'))).toBe(true)
  })

  test.runIf(process.platform === 'linux')('stays while a process has it open, however old', async () => {
    const repository = bareRepository()
    const path = left(join(repository, 'objects'), 100 * HOUR)
    const file = openSync(path, 'r')
    expect(await removeOldTemporaries(nodeFileSystem, repository)).toBe(0)
    closeSync(file)
    expect(await removeOldTemporaries(nodeFileSystem, repository)).toBe(1)
  })
})

describe.runIf(process.platform === 'linux')('an unfinished file', () => {
  test('that nobody writes to is removed, and nothing else', async () => {
    const repository = bareRepository()
    const abandoned = [
      unfinished(repository, 'tmp_pack_a1b2c3', 10),
      unfinished(repository, 'tmp_idx_a1b2c3', 2 * HOUR),
      unfinished(repository, 'tmp_rev_a1b2c3', 2 * HOUR),
    ]
    const others = ['pack-1234.pack', 'pack-1234.idx'].map((name) => unfinished(repository, name, 10_000))
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(3)
    expect(abandoned.map((path) => existsSync(path))).toEqual([false, false, false])
    expect(others.map((path) => existsSync(path))).toEqual([true, true])
  })

  test('of a pack that a seal was writing when it died is removed', async () => {
    const repository = bareRepository()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const dies = { kind: 'error', code: 'EIO' } as const
    fileSystem.fail({
      on: ({ method }) => method === 'rename' || method === 'remove',
      times: 10,
      effect: dies,
    })
    const store = new ObjectStore({ gitDirectory: repository, fileSystem })
    await store.write(COMMITS).catch(() => undefined)
    const left = readdirSync(join(repository, 'objects/pack'))
    expect(left).toHaveLength(3)
    for (const name of left) utimesSync(join(repository, 'objects/pack', name), 1, 1)
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(3)
    expect(readdirSync(join(repository, 'objects/pack'))).toEqual([])
  })

  test.each(['idx', 'rev'])('tmp_%s_ stays for an hour: its pack may still be synced', async (kind) => {
    const repository = bareRepository()
    const path = unfinished(repository, `tmp_${kind}_a1b2c3`, HOUR / 2)
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(0)
    expect(existsSync(path)).toBe(true)
  })

  test('of a pack stays while the index beside it is being written', async () => {
    const repository = bareRepository()
    const pack = unfinished(repository, 'tmp_pack_a1b2c3', 2 * HOUR)
    const index = openSync(unfinished(repository, 'tmp_idx_d4e5f6', 10), 'r+')
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(0)
    closeSync(index)
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(1)
    expect(existsSync(pack)).toBe(false)
  })

  test('that is young stays', async () => {
    const repository = bareRepository()
    const path = unfinished(repository, 'tmp_pack_a1b2c3', 0)
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(0)
    expect(existsSync(path)).toBe(true)
  })

  test('stays while a git that may be writing it is at work', async () => {
    const repository = bareRepository()
    const path = unfinished(repository, 'tmp_pack_a1b2c3', 600)
    const child = spawn('git', ['-C', repository, 'index-pack', '--stdin'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdin.write('PACK')
    await expect.poll(() => existsSync(`/proc/${child.pid}/cmdline`)).toBe(true)
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(0)
    child.stdin.end()
    await new Promise((resolve) => child.once('close', resolve))
    expect(await removeAbandonedFiles(nodeFileSystem, repository)).toBe(1)
    expect(existsSync(path)).toBe(false)
  })
})
