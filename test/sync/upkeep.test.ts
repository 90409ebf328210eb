import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { clone as cloneLog, type Log, type OpenOptions, open, restore } from '../../src/index.ts'
import { fsck, git, gitText, temporaryFolder, until } from '../log/event-log-fixture.ts'

const BY_HAND: OpenOptions = { maintenance: false, watch: false }

describe('log.maintain', () => {
  it('packs what was sealed, says what that saved, and status shows it', async () => {
    await using log = await open(`${temporaryFolder()}/log.git`, BY_HAND)
    await appendEach(log, 20)
    expect(log.status().disk).toBeUndefined()
    const { packedObjects, before, after } = await log.maintain()
    expect(packedObjects).toBe(before.looseObjects)
    expect(before).toMatchObject({ packs: 0 })
    expect(after).toMatchObject({ looseObjects: 0, packs: 1 })
    expect(after.bytes).toBeLessThan(before.bytes / 10)
    expect(log.status().disk).toEqual(after)
    await appendEach(log, 1)
    expect(await log.measureDisk()).toMatchObject({ looseObjects: 5, packs: 1 })
  })

  it.each(['git', 'isomorphic'] as const)(
    'reads go on, with the engine %s, as packs come and go',
    async (engine) => {
      const path = `${temporaryFolder()}/log.git`
      await using log = await open(path, BY_HAND)
      await appendEach(log, 3)
      await using reader = await open(path, { ...BY_HAND, readOnly: true, engine })
      expect(await verified(reader)).toBe(3)
      for (let round = 0; round < 6; round++) {
        await appendEach(log, 2)
        await log.maintain()
        expect(await verified(reader)).toBe(3)
      }
      await using late = await open(path, { ...BY_HAND, readOnly: true, engine })
      expect(await verified(late)).toBe(15)
      expect(fsck(path)).toBe('')
    },
  )

  it.each(['git', 'isomorphic'] as const)(
    'merges the packs of busy rounds, and looks for no deltas between full batches, with the engine %s',
    async (engine) => {
      const path = `${temporaryFolder()}/log.git`
      await using log = await open(path, {
        ...BY_HAND,
        engine,
        seal: { afterMs: 3_600_000, maxBytes: 1 << 24 },
      })
      for (let round = 1; round <= 2; round++) {
        await appendLarge(log, 3)
        await log.seal()
        expect(await log.measureDisk()).toMatchObject({ packs: round })
        expect(await verified(log)).toBe(3 * round)
      }
      await appendEach(log, 1)
      expect(await log.maintain()).toMatchObject({ mergedPacks: 3, after: { looseObjects: 0, packs: 1 } })
      expect(wholeBatches(path)).toBe(6)
      expect(readFileSync(`${path}/memoir/packed`, 'utf8').trim()).toBe(gitText(path, 'rev-parse', 'HEAD'))
      await appendLarge(log, 3)
      await log.seal()
      expect(await verified(log)).toBe(10)
      expect((await log.verify()).findings).toEqual([])
      expect(fsck(path)).toBe('')
    },
  )

  it('looks for no deltas between full batches that are loose, nor does a push, a backup or a clone, and git shows them', async () => {
    const folder = temporaryFolder()
    const path = `${folder}/log.git`
    await using log = await open(path, BY_HAND)
    for (let batch = 0; batch < 3; batch++) {
      await appendLarge(log, 1)
      await log.seal()
    }
    expect(await log.measureDisk()).toMatchObject({ packs: 0 })
    const remote = `${folder}/remote.git`
    git(folder, ['init', '--bare', '--quiet', remote])
    git(remote, ['config', 'receive.unpackLimit', '1'])
    await log.push(remote)
    expect(wholeBatches(remote)).toBe(3)
    const copy = `${folder}/copy.git`
    await log.backup(`${folder}/backup`)
    await restore(`${folder}/backup`, copy)
    expect(wholeBatches(copy)).toBe(3)
    git(folder, ['clone', '--quiet', '--bare', '--no-local', path, 'clone.git'])
    expect(wholeBatches(`${folder}/clone.git`)).toBe(3)
    await using clone = await cloneLog(path, `${folder}/replica.git`)
    await log.maintain()
    expect(wholeBatches(path)).toBe(3)
    expect(await verified(clone)).toBe(3)
    for (const repository of [path, copy, `${folder}/replica.git`]) {
      expect(gitText(repository, 'log', '--format=', '-p', '-1')).toContain('+{"id":')
    }
  })

  it('works beside a writer in another handle, and while events are sealed and read', async () => {
    const path = `${temporaryFolder()}/log.git`
    await using log = await open(path, { ...BY_HAND, seal: { afterMs: 1 } })
    await using other = await open(path, { ...BY_HAND, readOnly: true })
    let isDone = false
    const work = (async () => {
      let rounds = 0
      while (!isDone) {
        const { packedObjects } = await other.maintain()
        if (packedObjects > 0) rounds++
      }
      return rounds
    })()
    for (let number = 0; number < 60; number++) {
      await log.append('s', [{ type: 'Counted', data: { number } }], { ack: 'committed' })
      expect((await log.event(1 + (number >> 1))).data).toEqual({ number: number >> 1 })
    }
    isDone = true
    expect(await work).toBeGreaterThan(0)
    expect((await log.verify()).findings).toEqual([])
    expect(fsck(path)).toBe('')
  }, 60_000)

  it('is refused while another one is at work in the repository', async () => {
    const path = `${temporaryFolder()}/log.git`
    await using log = await open(path, BY_HAND)
    await using other = await open(path, { ...BY_HAND, readOnly: true })
    await appendEach(log, 1)
    const both = await Promise.allSettled([log.maintain(), other.maintain()])
    const refused = both.filter(({ status }) => status === 'rejected')
    expect(refused).toMatchObject([{ reason: { code: 'maintenance-running' } }])
    await log.maintain()
    await other.maintain()
  })

  it('that several callers wait for goes on when one of them gives up, and is cut short with the last', async () => {
    await using log = await open(`${temporaryFolder()}/log.git`, BY_HAND)
    await appendEach(log, 20)
    const one = new AbortController()
    const first = log.maintain({ signal: one.signal })
    const second = log.maintain()
    const aborted = expect(log.maintain({ signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    one.abort()
    await expect(first).rejects.toThrow('aborted')
    expect(await second).toMatchObject({ after: { looseObjects: 0, packs: 1 } })
    await aborted

    await appendEach(log, 1)
    const two = new AbortController()
    const both = [1, 2].map(() => log.maintain({ signal: two.signal }))
    two.abort()
    const after = log.maintain()
    const ended = await Promise.allSettled(both)
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await after).toMatchObject({ after: { looseObjects: 0 } })
  })

  it('ends for a caller whose onProgress fails, with that error, and goes on for those who joined', async () => {
    await using log = await open(`${temporaryFolder()}/log.git`, BY_HAND)
    await appendEach(log, 20)
    const onProgress = () => {
      throw new Error('cannot be shown')
    }
    const first = log.maintain({ onProgress })
    const second = log.maintain()
    await expect(first).rejects.toThrow('cannot be shown')
    expect(await second).toMatchObject({ after: { looseObjects: 0, packs: 1 } })
    await appendEach(log, 20)
    await expect(log.maintain({ onProgress })).rejects.toThrow('cannot be shown')
  })
})

describe('maintenance by itself', () => {
  it('begins when a log with many loose objects is left alone', async () => {
    const path = `${temporaryFolder()}/log.git`
    await using log = await open(path, { watch: false, maintenance: { idleMs: 100 } })
    looseCommits(path)
    await appendEach(log, 1)
    await until(() => log.status().disk?.packs === 1)
    await until(() => !existsSync(`${path}/objects/pack/multi-pack-index`))
  })

  it('does not begin where the option says so', async () => {
    const path = `${temporaryFolder()}/log.git`
    await using off = await open(path, { ...BY_HAND })
    looseCommits(path)
    await appendEach(off, 1)
    // A log beside it that does begin has had its time by then.
    await using third = await open(`${path}-third`, { watch: false, maintenance: { idleMs: 10 } })
    looseCommits(`${path}-third`)
    await appendEach(third, 1)
    await until(() => third.status().disk?.packs === 1)
    expect(await off.measureDisk()).toMatchObject({ packs: 0 })
  })

  it('is cut short by close, and leaves a sound repository', async () => {
    const path = `${temporaryFolder()}/log.git`
    const log = await open(path, { watch: false, maintenance: { idleMs: 1 } })
    looseCommits(path)
    await appendEach(log, 1)
    await until(() => existsSync(`${path}/memoir/maintenance`))
    await log.close()
    expect(fsck(path)).toBe('')
  })
})

describe("git's own collection", () => {
  it('is off in a log that was created and in one that was cloned', async () => {
    const { clone } = await import('../../src/index.ts')
    const folder = temporaryFolder()
    await using log = await open(`${folder}/log.git`)
    await appendEach(log, 1)
    await using copy = await clone(`${folder}/log.git`, `${folder}/copy.git`)
    for (const { path } of [log.status(), copy.status()]) {
      expect(gitText(path, 'config', 'gc.auto')).toBe('0')
      expect(gitText(path, 'config', 'maintenance.auto')).toBe('false')
      expect(readFileSync(`${path}/config`, 'utf8')).toContain('[gc]')
    }
  })
})

async function appendEach(log: Log, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    await log.append('s', [{ type: 'Counted', data: { number } }], { ack: 'committed' })
  }
}

/** Appends that are much like each other, of which no two fit into a batch. */
async function appendLarge(log: Log, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const text = Array.from({ length: 50_000 }, (_, at) => `line ${at}`).join()
    await log.append('s', [{ type: 'Counted', data: { number, text: text.slice(0, 540_000) } }])
  }
}

/** How many full batches a repository holds that are packed whole, not as deltas, whose size would be that of the delta. */
function wholeBatches(path: string): number {
  const indexes = readdirSync(`${path}/objects/pack`).filter((name) => name.endsWith('.idx'))
  const listed = indexes.flatMap((name) =>
    gitText(path, 'verify-pack', '-v', `objects/pack/${name}`).split('\n'),
  )
  // Name, kind, size, and more.
  return listed.map((line) => line.split(/ +/)).filter(([, , size]) => Number(size) > 500_000).length
}

/** How many events a log reads, each from its batch. */
async function verified(log: Log): Promise<number> {
  let count = 0
  for await (const { data } of log.read()) if (data !== undefined) count++
  return count
}

/** Puts 2,600 loose objects on a branch of others that the log's next commit does not need. */
function looseCommits(path: string): void {
  const stream = Array.from({ length: 2600 }, (_, at) => `blob\ndata ${String(at).length}\n${at}\n`)
  git(path, ['-c', 'fastimport.unpackLimit=100000', 'fast-import', '--quiet'], { input: stream.join('') })
}
