import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JournalFullError } from '../../src/journal/errors.ts'
import { openFileJournal } from '../../src/journal/file-journal.ts'
import { type Durability, groupEntries, type JournalEntry } from '../../src/journal/journal.ts'
import type { File, FileSystem } from '../../src/system/file-system.ts'
import { CrashFileSystem, randomSurvivors, type Survives } from '../system/crash-file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { entry, readAll, recover, temporaryDirectory } from './journal-fixture.ts'

const SMALL = 4096

/** What the journal owes its caller once so many steps of the file system were taken. */
interface Debt {
  readonly steps: number
  /** Every entry up to here was acknowledged as durable. */
  readonly durable: number
  /** No entry after here was ever handed to the journal. */
  readonly begun: number
  readonly released: number
}

type Action =
  | { readonly kind: 'append'; readonly durability: Durability; readonly bytes: number }
  | { readonly kind: 'release' }
  | { readonly kind: 'reopen' }

class Run {
  readonly debts: Debt[] = [{ steps: 0, durable: 0, begun: 0, released: 0 }]
  readonly entries: JournalEntry[] = []

  constructor(
    readonly root: string,
    readonly disk: CrashFileSystem,
    readonly fileSystem: FileSystem,
    readonly largeFrameBytes: number,
  ) {}

  static async start(
    largeFrameBytes = NEVER,
    wrap: (disk: CrashFileSystem) => FileSystem = (disk) => disk,
  ): Promise<Run> {
    const root = await temporaryDirectory()
    const disk = await CrashFileSystem.over(root)
    return new Run(root, disk, wrap(disk), largeFrameBytes)
  }

  async perform(actions: readonly Action[]): Promise<void> {
    const open = () =>
      openFileJournal({
        directory: join(this.root, 'memoir', 'journal'),
        fileSystem: this.fileSystem,
        segmentBytes: SMALL,
        largeFrameBytes: this.largeFrameBytes,
      })
    let journal = await open()
    for (const action of actions) {
      if (action.kind === 'append') {
        const next = entry(this.entries.length + 1, 1, action.bytes)
        this.entries.push(next)
        this.#note({ begun: next.first })
        await journal.append(groupEntries([next]), action.durability)
        if (action.durability === 'durable') this.#note({ durable: next.first })
      } else if (action.kind === 'release') {
        this.#note({ released: this.entries.length })
        await journal.release(this.entries.length)
      } else {
        await journal.close()
        journal = await open()
      }
    }
    await journal.close()
  }

  /** Cuts the power after so many steps and checks what is found against what was owed. */
  async check(at: number, survives: Survives, keepsLength = false): Promise<void> {
    const target = await mkdtemp(join(this.root, '..', 'memoir-crash-'))
    try {
      await this.disk.crash({ at, survives, keepsLength, target })
      const debt = this.debts.findLast(({ steps }) => steps <= at)!
      const directory = join(target, 'memoir', 'journal')
      const found = await recover({ directory, segmentBytes: SMALL })
      const positions = found.map(({ first }) => first)
      expect(found).toEqual(positions.map((position) => this.entries[position - 1]))
      expect(positions).toEqual(positions.map((_, index) => positions[0]! + index))
      expect(positions.at(-1) ?? 0).toBeLessThanOrEqual(debt.begun)
      for (let owed = debt.released + 1; owed <= debt.durable; owed++) expect(positions).toContain(owed)
      await this.#goOn(directory, found)
    } finally {
      await rm(target, { recursive: true, force: true })
    }
  }

  /** A journal that was cut takes other entries at the positions that were lost. */
  async #goOn(directory: string, found: readonly JournalEntry[]): Promise<void> {
    const journal = await openFileJournal({ directory, segmentBytes: SMALL })
    const next = entry((found.at(-1)?.first ?? 0) + 1, 2, 7)
    if (found.length > 0) await journal.append(groupEntries([next]), 'durable')
    await journal.close()
    if (found.length > 0) expect(await recover({ directory })).toEqual([...found, next])
  }

  #note(change: Partial<Debt>): void {
    this.debts.push({ ...this.debts.at(-1)!, ...change, steps: this.disk.steps })
  }
}

const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      durability: fc.constantFrom<Durability>('written', 'durable'),
      bytes: fc.nat(2500),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'release' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
)

const append = (durability: Durability, bytes: number): Action => ({ kind: 'append', durability, bytes })

/** Over several segments, with frames that are not synced before and after those that are. */
const history: Action[] = [
  append('durable', 100),
  append('written', 900),
  append('written', 1500),
  append('durable', 10),
  append('durable', 700),
  append('written', 2500),
  append('durable', 2500),
  { kind: 'release' },
  append('written', 600),
  append('written', 600),
  { kind: 'reopen' },
  append('durable', 5000),
  append('written', 60),
]

/** No frame of these tests is as large: all segments are filled ahead. */
const NEVER = 1 << 20
/** Frames of this size let the segments of these tests grow. */
const LARGE = 300

/** Frames so large that segments are not filled ahead but grow, and then small ones, which get zeros again. */
const busyHistory: Action[] = [
  ...Array.from({ length: 12 }, (_, at) => append(at % 3 === 2 ? 'written' : 'durable', 3 * LARGE)),
  { kind: 'release' },
  ...Array.from({ length: 12 }, (_, at) => append(at % 4 === 3 ? 'written' : 'durable', 40)),
  { kind: 'release' },
  append('durable', 100),
  append('durable', 3 * LARGE),
  append('written', 100),
]

describe('after a power cut', () => {
  it('every durable append of a busy journal is there, at any step and with any part of what was not synced', async () => {
    const run = await Run.start(LARGE)
    await run.perform(busyHistory)
    for (let at = 0; at <= run.disk.steps; at++) {
      const survives = [() => false, () => true, randomSurvivors(at)]
      await run.check(at, survives[at % 3]!, at % 2 === 0)
      await run.check(at, survives[(at + 1) % 3]!, at % 2 === 1)
    }
  }, 60_000)

  it('every durable append is there, at any step and with nothing that was not synced', async () => {
    const run = await Run.start()
    await run.perform(history)
    for (let at = 0; at <= run.disk.steps; at++) await run.check(at, () => false)
  })

  it('every durable append is there, at any step and with all that was not synced', async () => {
    const run = await Run.start()
    await run.perform(history)
    for (let at = 0; at <= run.disk.steps; at++) await run.check(at, () => true)
  })

  it('every durable append is there, at any step and with any part of what was not synced', async () => {
    const run = await Run.start()
    await run.perform(history)
    for (let at = 0; at <= run.disk.steps; at++) {
      for (const seed of [1, 2, 3]) await run.check(at, randomSurvivors(at * 31 + seed, seed / 4))
    }
  }, 60_000)

  it('every durable append is there, whatever was done before', async () => {
    const property = fc.asyncProperty(
      fc.array(action, { maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 10, maxLength: 10 }),
      async (actions, cuts) => {
        const run = await Run.start()
        await run.perform(actions)
        for (const [at, seed] of cuts) await run.check(at % (run.disk.steps + 1), randomSurvivors(seed))
      },
    )
    await fc.assert(property, { numRuns: 30 })
  }, 60_000)

  for (const durability of ['written', 'durable'] as const) {
    it.each([
      ['', 0],
      ['of a busy journal ', 8],
    ])(`a full disk has not left a refused ${durability} append %sbehind`, async (_, large) => {
      const root = await temporaryDirectory()
      const directory = join(root, 'journal')
      const disk = await CrashFileSystem.over(root)
      const fileSystem = new FaultyFileSystem(disk)
      const journal = await openFileJournal({
        directory,
        fileSystem,
        segmentBytes: SMALL,
        largeFrameBytes: LARGE,
      })
      const entries = [entry(1), ...Array.from({ length: large }, (_, at) => entry(2 + at, 1, 3 * LARGE))]
      for (const one of entries) await journal.append(groupEntries([one]), 'durable')
      const effect = { kind: 'error', code: 'ENOSPC', late: true } as const
      fileSystem.fail({ on: ({ method }) => method === 'write', effect })
      const refused = entry(2 + large, 1, large === 0 ? 40 : 3 * LARGE)
      await expect(journal.append(groupEntries([refused]), durability)).rejects.toThrow(JournalFullError)
      for (const survives of [
        () => false,
        () => true,
        ...[1, 2, 3, 4].map((seed) => randomSurvivors(seed)),
      ]) {
        const target = await temporaryDirectory()
        await disk.crash({ survives, target })
        expect(await recover({ directory: join(target, 'journal') })).toEqual(entries)
      }
      await journal.close()
    })
  }

  it('what opening gave is still there, though it had only been written before', async () => {
    const root = await temporaryDirectory()
    const directory = join(root, 'journal')
    const disk = await CrashFileSystem.over(root)
    const killed = await openFileJournal({ directory, fileSystem: disk })
    await killed.append(groupEntries([entry(1)]), 'durable')
    await killed.append(groupEntries([entry(2)]), 'written')
    const journal = await openFileJournal({ directory, fileSystem: disk })
    expect(await readAll(journal)).toEqual([entry(1), entry(2)])
    const target = await temporaryDirectory()
    await disk.crash({ survives: () => false, target })
    expect(await recover({ directory: join(target, 'journal') })).toEqual([entry(1), entry(2)])
    await journal.close()
    await killed.close()
  })
})

/** Opens every file without O_DSYNC. */
class WithoutSyncOnWrite extends FaultyFileSystem {
  override open(path: string, flags: string | number): Promise<File> {
    return super.open(path, typeof flags === 'number' ? 'r+' : flags)
  }
}

function without(method: 'syncData' | 'syncDirectory', disk: FileSystem): FileSystem {
  const fileSystem = new FaultyFileSystem(disk)
  const on = (call: Call) => call.method === method
  fileSystem.fail({ on, times: Number.POSITIVE_INFINITY, effect: { kind: 'skip' } })
  return fileSystem
}

describe('the simulated power cut', () => {
  const removals: [name: string, wrap: (disk: FileSystem) => FileSystem][] = [
    ['fdatasync', (disk) => without('syncData', disk)],
    ['the sync of the directory', (disk) => without('syncDirectory', disk)],
    ['O_DSYNC', (disk) => new WithoutSyncOnWrite(disk)],
  ]
  for (const [name, wrap] of removals) {
    it.each([
      ['', NEVER, history],
      ['of a busy journal ', LARGE, busyHistory],
    ])(`shows that entries %sare lost without ${name}`, async (_, largeFrameBytes, actions) => {
      const run = await Run.start(largeFrameBytes, wrap)
      await run.perform(actions)
      const findLoss = async () => {
        for (let at = 0; at <= run.disk.steps; at++) await run.check(at, () => false)
      }
      await expect(findLoss()).rejects.toThrow()
    })
  }
})
