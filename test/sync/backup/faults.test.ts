import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoirError } from '../../../src/event/errors.ts'
import { restore } from '../../../src/restore.ts'
import { FAULTS, FailingFileSystem, type Fault } from '../../crash/failing-file-system.ts'
import { mountTmpfs, whyNoMount } from '../../crash/mount.ts'
import { Random } from '../../crash/random.ts'
import { isFull, times } from '../../crash/scale.ts'
import { deposits, makeLog, temporaryFolder } from '../../log/log-fixture.ts'
import { backUp, bundlesIn, storedLines } from './backup-fixture.ts'

/** How far apart the calls are that are hit: every single one in full. */
const STRIDE = times(12, 1)

/** Only what happens in the backup itself is hit. */
function within(directory: string, fault: Fault): Fault {
  return { ...fault, at: (call) => call.path.startsWith(directory) && fault.at(call) }
}

/** A log of 8 events and a backup of the first 5, made before the tests of a block. */
function startedBackup(): { readonly path: string; readonly prepared: string } {
  const folder = mkdtempSync(join(tmpdir(), 'memoir-backup-'))
  const path = join(folder, 'log.git')
  const prepared = join(folder, 'backup')
  afterAll(() => rmSync(folder, { recursive: true }))
  beforeAll(async () => {
    await makeLog(deposits(5), { path })
    await backUp(path, prepared)
    await makeLog(deposits(3), { path })
  })
  return { path, prepared }
}

describe('whatever call of the file system fails', () => {
  const { path, prepared } = startedBackup()

  it.each(FAULTS)(
    'the backup is the old or the new one, and can be made again, with $name',
    async (fault) => {
      const start = isFull ? 1 : 1 + new Random(Date.now()).below(STRIDE)
      for (let nth = start, isHit = true; isHit; nth += STRIDE) {
        const directory = join(temporaryFolder(), 'backup')
        cpSync(prepared, directory, { recursive: true })
        const fileSystem = new FailingFileSystem(within(directory, fault), nth)
        const failure = await backUp(path, directory, { fileSystem }).then(
          () => undefined,
          (error: unknown) => error,
        )
        isHit = fileSystem.hasFailed
        const target = join(temporaryFolder(), 'r.git')
        const { position } = await restore(directory, target)
        expect([5, 8]).toContain(position)
        if (failure === undefined) expect(position).toBe(8)
        else if (!fault.name.startsWith('death')) expect(failure).toBeInstanceOf(MemoirError)

        // The one who holds it is this very process.
        for (const name of readdirSync(directory)) {
          if (name.endsWith('.lock')) rmSync(join(directory, name))
        }
        expect(await backUp(path, directory)).toMatchObject({ to: 8 })
        const whole = join(temporaryFolder(), 'r.git')
        await restore(directory, whole)
        expect(storedLines(whole)).toBe(storedLines(path))
      }
    },
    600_000,
  )
})

describe('whatever call of the file system fails, in the backup, the repository or the new log', () => {
  const { path, prepared } = startedBackup()
  beforeAll(() => backUp(path, prepared))

  it.each(FAULTS)(
    'a restore is whole or not there, and the next one works, with $name',
    async (fault) => {
      const start = isFull ? 1 : 1 + new Random(Date.now()).below(STRIDE)
      for (let nth = start, isHit = true; isHit; nth += STRIDE) {
        const place = temporaryFolder()
        const target = join(place, 'r.git')
        const fileSystem = new FailingFileSystem(fault, nth)
        const failure = await restore(prepared, target, { ports: { fileSystem } }).then(
          () => undefined,
          (error: unknown) => error,
        )
        isHit = fileSystem.hasFailed
        const isThere = existsSync(target)
        expect(isThere, `call ${nth}: ${failure}`).toBe(failure === undefined)
        if (isThere) expect(storedLines(target)).toBe(storedLines(path))
        else if (!fault.name.startsWith('death')) expect(failure).toBeInstanceOf(MemoirError)
        await restore(prepared, join(place, 'again.git'))
        expect(storedLines(join(place, 'again.git'))).toBe(storedLines(path))
      }
    },
    600_000,
  )

  it.each(FAULTS)(
    'a backup of a log whose own files fail leaves the old or the new one, with $name',
    async (fault) => {
      const start = isFull ? 1 : 1 + new Random(Date.now()).below(STRIDE)
      for (let nth = start, isHit = true; isHit; nth += STRIDE) {
        const directory = join(temporaryFolder(), 'backup')
        cpSync(prepared, directory, { recursive: true })
        const own = join(temporaryFolder(), 'log.git')
        cpSync(path, own, { recursive: true })
        await makeLog(deposits(1), { path: own })
        const fileSystem = new FailingFileSystem(within(own, fault), nth)
        const failure = await backUp(own, directory, { fileSystem }).then(
          () => undefined,
          (error: unknown) => error,
        )
        isHit = fileSystem.hasFailed
        const { position } = await restore(directory, join(temporaryFolder(), 'r.git'))
        expect(position).toBe(failure === undefined ? 9 : 8)
        if (failure !== undefined && !fault.name.startsWith('death')) {
          expect(failure).toBeInstanceOf(MemoirError)
        }
      }
    },
    600_000,
  )
})

const reason = whyNoMount()
const title = (name: string) => (reason === undefined ? name : `${name} (skipped: ${reason})`)

describe.skipIf(reason !== undefined)(title('a full disk'), () => {
  it('stops a backup, which leaves the one before, and goes on when there is room', async () => {
    const disk = mountTmpfs('size=64k')
    const directory = join(disk.path, 'backup')
    const path = await makeLog(deposits(5))
    await backUp(path, directory)
    const noise = Array.from({ length: 100 }, () => ({
      type: 'Noted',
      data: { text: randomBytes(750).toString('base64') },
    }))
    await makeLog([{ stream: 'notes', events: noise }], { path })
    await expect(backUp(path, directory)).rejects.toMatchObject({ code: 'disk-full' })
    expect(bundlesIn(directory)).toEqual(['000000000000-000000000005.bundle'])
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([])
    expect(await restore(directory, join(temporaryFolder(), 'r.git'))).toMatchObject({ position: 5 })
    disk.remount('size=4m')
    expect(await backUp(path, directory)).toMatchObject({ from: 5, to: 105 })
    const target = join(temporaryFolder(), 'r.git')
    await restore(directory, target)
    expect(storedLines(target)).toBe(storedLines(path))
  })

  it('stops a restore, which leaves nothing', async () => {
    const disk = mountTmpfs('size=96k')
    const directory = temporaryFolder()
    const path = await makeLog(deposits(5))
    const noise = Array.from({ length: 100 }, () => ({
      type: 'Noted',
      data: { text: randomBytes(750).toString('base64') },
    }))
    await makeLog([{ stream: 'notes', events: noise }], { path })
    await backUp(path, directory)
    await expect(restore(directory, join(disk.path, 'r.git'))).rejects.toMatchObject({ code: 'disk-full' })
    expect(readdirSync(disk.path)).toEqual([])
  })
})
