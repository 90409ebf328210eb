import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { countLooseObjects, listPacks } from '../../../src/repository/maintenance/disk-usage.ts'
import { openReader } from '../../../src/repository/open-reader.ts'
import { oidsOf } from '../../../src/repository/pack-index.ts'
import { GitRunner } from '../../../src/repository/runner.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { bareRepository, fsck, gitText, writeObject } from '../real-git.ts'
import { commits, maintain, noise, repositoryOf, watched } from './maintained-repository.ts'

describe('maintenance', () => {
  it('packs the loose objects of the branch, and leaves no copy of them', async () => {
    const path = repositoryOf(10)
    const objects = gitText(path, 'rev-list', '--objects', 'main').split('\n').length
    const work = await maintain(path)
    expect(work).toEqual({ packedObjects: objects, mergedPacks: 0 })
    expect(await countLooseObjects(path, nodeFileSystem)).toBe(0)
    expect(await listPacks(path, nodeFileSystem)).toHaveLength(1)
    expect(gitText(path, 'rev-list', '--count', 'main')).toBe('10')
    expect(fsck(path)).toBe('')
  })

  it('leaves objects that the branch does not reach as they are: a seal may be about to', async () => {
    const path = repositoryOf(3)
    const unborn = writeObject(path, 'not sealed yet')
    await maintain(path)
    expect(await countLooseObjects(path, nodeFileSystem)).toBe(1)
    expect(gitText(path, 'cat-file', 'blob', unborn)).toBe('not sealed yet')
  })

  it('packs only what is new the next time, then merges', async () => {
    const path = repositoryOf(30)
    await maintain(path)
    commits(path, 2)
    expect(await maintain(path)).toEqual({ packedObjects: 6, mergedPacks: 0 })
    commits(path, 2)
    // The two small ones; the large one stays.
    expect(await maintain(path)).toEqual({ packedObjects: 6, mergedPacks: 2 })
    expect(await listPacks(path, nodeFileSystem)).toHaveLength(2)
    expect(existsSync(`${path}/objects/pack/multi-pack-index`)).toBe(true)
    expect(existsSync(`${path}/objects/info/commit-graphs/commit-graph-chain`)).toBe(true)
    gitText(path, 'multi-pack-index', 'verify')
    gitText(path, 'commit-graph', 'verify')
    expect(fsck(path)).toBe('')
  })

  it('removes what a killed writer left of an object, once nobody can be writing it any more', async () => {
    const path = repositoryOf(3)
    const [old, young] = ['tmp_obj_old', 'tmp_obj_young'].map((name) => `${path}/objects/${name}`)
    for (const file of [old!, young!]) writeFileSync(file, 'x')
    utimesSync(old!, 1_000_000, 1_000_000)
    await maintain(path)
    expect([existsSync(old!), existsSync(young!)]).toEqual([false, true])
  })

  it('passes over a file in the place of a folder of objects, as git does', async () => {
    const path = repositoryOf(3)
    const folders = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
    const unused = folders.find((name) => !existsSync(`${path}/objects/${name}`))
    writeFileSync(`${path}/objects/${unused}`, '')
    expect(await maintain(path)).toMatchObject({ packedObjects: 9 })
  })

  it('does nothing where there is nothing to do', async () => {
    const path = repositoryOf(3)
    await maintain(path)
    const before = readdirSync(`${path}/objects/pack`)
    expect(await maintain(path)).toEqual({ packedObjects: 0, mergedPacks: 0 })
    expect(readdirSync(`${path}/objects/pack`)).toEqual(before)
  })

  it('packs a long history in steps', async () => {
    const path = repositoryOf(520)
    const steps: string[] = []
    const fileSystem = watched((call, file) => {
      if (call === 'rename' && file.endsWith('/packed')) steps.push(readFileSync(file, 'utf8').trim())
    })
    const work = await maintain(path, { fileSystem })
    expect(work.mergedPacks).toBe(0)
    expect(steps.map((commit) => gitText(path, 'rev-list', '--count', commit))).toEqual(['512', '520'])
    expect(await listPacks(path, nodeFileSystem)).toHaveLength(2)
    expect(fsck(path)).toBe('')
  }, 60_000)

  it('syncs no pack beyond its bound, and merges none that is half as large', async () => {
    const path = bareRepository()
    const packBytes = 1 << 20
    for (let round = 0; round < 3; round++) {
      noise(path, 5, 300_000)
      await maintain(path, { packBytes })
    }
    const sizes = (await listPacks(path, nodeFileSystem)).map(({ bytes }) => bytes)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(packBytes)
    expect(sizes.length).toBeGreaterThan(2)
    expect(await countLooseObjects(path, nodeFileSystem)).toBe(0)
    expect(await maintain(path, { packBytes })).toEqual({ packedObjects: 0, mergedPacks: 0 })
    expect(fsck(path)).toBe('')
  })

  it('begins anew where the commit that it packed up to is gone', async () => {
    const path = repositoryOf(3)
    mkdirSync(`${path}/memoir`, { recursive: true })
    writeFileSync(`${path}/memoir/packed`, `${'1'.repeat(40)}\n`)
    expect((await maintain(path)).packedObjects).toBe(9)
  })

  it.runIf(process.platform === 'linux')('goes on over the locks of a git that lost its power', async () => {
    const path = repositoryOf(20)
    await maintain(path)
    const indexes = ['pack/multi-pack-index', 'info/commit-graphs/commit-graph-chain']
    const locks = indexes.map((name) => `${path}/objects/${name}.lock`)
    for (const lock of locks) {
      writeFileSync(lock, '')
      utimesSync(lock, 1, 1)
    }
    commits(path, 2)
    expect(await maintain(path)).toMatchObject({ packedObjects: 6 })
    expect(locks.filter(existsSync)).toEqual([])
    gitText(path, 'multi-pack-index', 'verify')
  })

  it.runIf(process.platform === 'linux')(
    'goes on over such a lock that is young, once it is not',
    async () => {
      const path = repositoryOf(20)
      await maintain(path)
      commits(path, 2)
      const lock = `${path}/objects/pack/multi-pack-index.lock`
      writeFileSync(lock, '')
      const leftAt = Date.now() / 1000 - 4
      utimesSync(lock, leftAt, leftAt)
      expect(await maintain(path)).toMatchObject({ packedObjects: 6 })
      expect(existsSync(lock)).toBe(false)
      gitText(path, 'multi-pack-index', 'verify')
    },
  )

  it('makes a multi-pack-index anew that was damaged, beside which every object is read', async () => {
    const path = bareRepository()
    // So many that git is asked for them.
    noise(path, 2500, 200)
    commits(path, 2)
    await maintain(path)
    commits(path, 2)
    const index = `${path}/objects/pack/multi-pack-index`
    const good = readFileSync(index)
    const damages = {
      signature: Buffer.from(good.map((byte, at) => (at === 2 ? byte ^ 1 : byte))),
      names: Buffer.from(good.map((byte, at) => (at > 4096 && at < good.length / 2 ? byte ^ 1 : byte))),
      end: Buffer.from(good.map((byte, at) => (at > 4096 ? 0 : byte))),
    }
    for (const damaged of Object.values(damages)) {
      rmSync(index)
      writeFileSync(index, damaged)
      expect(await unreadable(path)).toEqual([])
    }
    expect(await maintain(path)).toMatchObject({ packedObjects: 6 })
    gitText(path, 'multi-pack-index', 'verify')
  }, 60_000)

  it.each([
    [
      'a parent that is none',
      (graph: Buffer) => graph.fill(0x55, chunkOf(graph, 'CDAT') + 56, graph.length - 20),
    ],
    ['zeros at its end', (graph: Buffer) => graph.fill(0, graph.length - 500)],
    ['nothing in it', () => Buffer.alloc(0)],
  ])('makes a commit-graph with %s anew', async (_, change) => {
    const path = repositoryOf(20)
    await maintain(path)
    commits(path, 2)
    const folder = `${path}/objects/info/commit-graphs`
    const graph = `${folder}/${readdirSync(folder).find((name) => name.endsWith('.graph'))}`
    const changed = change(readFileSync(graph))
    rmSync(graph)
    writeFileSync(graph, changed)
    expect(await maintain(path)).toMatchObject({ packedObjects: 6 })
    gitText(path, 'commit-graph', 'verify')
  })

  it('goes on once a git that is at work gives its lock back', async () => {
    const path = repositoryOf(20)
    await maintain(path)
    const lock = `${path}/objects/info/commit-graphs/commit-graph-chain.lock`
    const file = openSync(lock, 'w')
    onTestFinished(() => closeSync(file))
    utimesSync(lock, 1, 1)
    commits(path, 2)
    const maintenance = maintain(path)
    setTimeout(() => rmSync(lock), 500)
    expect(await maintenance).toMatchObject({ packedObjects: 6 })
    gitText(path, 'commit-graph', 'verify')
  })

  it('goes on where a power cut brought back packs that were merged already', async () => {
    const path = repositoryOf(150)
    await maintain(path)
    commits(path, 2)
    await maintain(path)
    commits(path, 2)
    const removed = new Map<string, Buffer>()
    const fileSystem = watched((call, file) => {
      if (call === 'remove' && /\.(pack|idx)$/.test(file) && existsSync(file)) {
        removed.set(file, readFileSync(file))
      }
    })
    expect(await maintain(path, { fileSystem })).toMatchObject({ mergedPacks: 2 })
    const merged = packNames(path)
    for (const [file, bytes] of removed) writeFileSync(file, bytes)
    expect(await maintain(path)).toEqual({ packedObjects: 0, mergedPacks: 3 })
    // The pack that they were merged into comes out again, under the same name.
    expect(packNames(path)).toEqual(merged)
    expect(fsck(path)).toBe('')
  }, 60_000)

  it('stops where it is when it is told to, with everything in place', async () => {
    const path = repositoryOf(3)
    const reason = new Error('enough')
    await expect(maintain(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(fsck(path)).toBe('')
  })

  it('leaves no loose copy of what a run packed that was killed', async () => {
    const path = repositoryOf(20)
    let removals = 0
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async remove(file) {
        if (/objects\/..\//.test(file) && ++removals > 4) throw new Error('killed')
        await nodeFileSystem.remove(file)
      },
    }
    await expect(maintain(path, { fileSystem })).rejects.toThrow()
    expect(await countLooseObjects(path, nodeFileSystem)).toBe(56)
    commits(path, 3)
    expect((await maintain(path)).packedObjects).toBe(56 + 9)
    expect(await countLooseObjects(path, nodeFileSystem)).toBe(0)
    expect(fsck(path)).toBe('')
  })

  it('leaves a pack alone that somebody keeps', async () => {
    const path = repositoryOf(2)
    await maintain(path)
    const kept = (await listPacks(path, nodeFileSystem))[0]!.name
    writeFileSync(`${path}/objects/pack/${kept}.keep`, '')
    for (let round = 0; round < 4; round++) {
      commits(path, 2)
      await maintain(path)
    }
    expect((await listPacks(path, nodeFileSystem)).map(({ name }) => name)).toContain(kept)
  })
})

describe('before maintenance removes', () => {
  it('a loose object, the pack that holds it and the name of that pack are synced', async () => {
    const path = repositoryOf(20)
    const removed = await recordRemovals(path)
    expect(removed.filter(({ file }) => !file.includes('/pack/')).length).toBeGreaterThan(50)
    expect(removed.filter(({ isDurable }) => !isDurable)).toEqual([])
  })

  it('a pack, the one that all its objects went to is synced, and no multi-pack-index names it', async () => {
    const path = repositoryOf(20)
    await maintain(path)
    for (let round = 0; round < 6; round++) {
      commits(path, 2)
      const removed = await recordRemovals(path)
      expect(removed.filter(({ isDurable }) => !isDurable)).toEqual([])
      for (const { file, index } of removed.filter(({ file }) => file.endsWith('.idx'))) {
        expect(index).not.toContain(file.slice(file.lastIndexOf('/') + 1))
      }
    }
    expect(fsck(path)).toBe('')
  })

  /**
   * Runs maintenance, and judges each removal by what was synced when it happened; `index` is the multi-pack-index
   * that a power cut would leave.
   */
  async function recordRemovals(path: string) {
    const indexFile = `${path}/objects/pack/multi-pack-index`
    let index = existsSync(indexFile) ? readFileSync(indexFile, 'latin1') : ''
    const synced = new Set<string>()
    const durable = new Set<string>()
    const removed: { readonly file: string; readonly isDurable: boolean; readonly index: string }[] = []
    const fileSystem = watched((call, file) => {
      if (call === 'sync') synced.add(file)
      if (call === 'syncDirectory' && file.endsWith('/pack')) {
        for (const oid of wholePacks(synced).flatMap(oidsIn)) durable.add(oid)
        index = existsSync(indexFile) ? readFileSync(indexFile, 'latin1') : ''
      }
      if (call !== 'remove' || !existsSync(file) || file === indexFile) return
      removed.push({ file, isDurable: oidsIn(file).every((oid) => durable.has(oid)), index })
    })
    await maintain(path, { fileSystem })
    return removed
  }

  function wholePacks(files: ReadonlySet<string>): string[] {
    const indexes = [...files].filter((file) => file.endsWith('.idx'))
    return indexes.filter((file) => files.has(file.replace(/idx$/, 'pack')) && existsSync(file))
  }

  /** The objects that a file is needed for. */
  function oidsIn(file: string): string[] {
    const [, folder = '', name = ''] = /\/([0-9a-f]{2})\/([0-9a-f]{38})$/.exec(file) ?? []
    if (file.endsWith('.idx')) return [...oidsOf(readFileSync(file))]
    return name === '' ? [] : [folder + name]
  }
})

function packNames(path: string): string[] {
  return readdirSync(`${path}/objects/pack`).filter((name) => name.endsWith('.pack'))
}

/** Objects of the branch that cannot be read. */
async function unreadable(path: string): Promise<string[]> {
  await using runner = new GitRunner({ repository: { gitDirectory: path } })
  await using reader = await openReader({ gitDirectory: path, runner, engine: 'git' })
  const oids = gitText(
    path,
    '-c',
    'core.multiPackIndex=false',
    'rev-list',
    '--objects',
    '--no-object-names',
    'main',
  )
  const failed = (oid: string) =>
    reader.read(oid).then(
      () => [],
      () => [oid],
    )
  return (await Promise.all(oids.split('\n').slice(-500).map(failed))).flat()
}

/** Where a chunk of a commit-graph begins. */
function chunkOf(graph: Buffer, id: string): number {
  return Number(graph.readBigUInt64BE(graph.indexOf(id) + 4))
}
