import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { MemoirError } from '../../src/event/errors.ts'
import type { RecordedEvent } from '../../src/event/event.ts'
import { open } from '../../src/memoir.ts'
import type { OpenOptions } from '../../src/options.ts'
import { git, gitText, temporaryFolder } from '../log/event-log-fixture.ts'
import { LogCopy } from './log-copy.ts'
import { forgetLocks } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { startSession } from './scenario.ts'
import { type Tally, tallies, tally } from './tally.ts'

/** How many places of a file are damaged at most: every single byte in full. */
const PLACES = times(10, Number.POSITIVE_INFINITY)
/** How many copies of a log are looked at at the same time: most of a look is waiting for syncs and for git. */
const COPIES = 4
const BY_HAND: OpenOptions = { projections: [tallies], seal: { afterMs: 3_600_000 } }

/** What a log says it holds: an id for each event, in order, and its image. */
interface Shown {
  readonly events: readonly string[]
  readonly image: ReadonlyMap<string, Tally>
}

async function look(path: string, options: OpenOptions): Promise<Shown> {
  const log = await open(path, { ...BY_HAND, ...options })
  try {
    const events: RecordedEvent[] = []
    for await (const event of log.read()) events.push(event)
    const image = structuredClone(log.state(tallies))
    expect(isDeepStrictEqual(image, tally(events))).toBe(true)
    const versions = new Map(events.map(({ stream, version }) => [stream, version]))
    const known = log.streams().map(({ stream, version }) => [stream, version])
    expect(isDeepStrictEqual(known, [...versions])).toBe(true)
    return { events: events.map(({ id, data }) => `${id} ${JSON.stringify(data)}`), image }
  } finally {
    await log.close().catch(() => undefined)
  }
}

type Damage = (bytes: Buffer, at: number) => Buffer

const DAMAGES: Readonly<Record<string, Damage>> = {
  'cut off': (bytes, at) => bytes.subarray(0, at),
  'with a bit flipped': (bytes, at) => {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 1 << (at % 8)
    return damaged
  },
}

/** A kind of file in a repository, and what damage to it may do. */
interface Victim {
  readonly name: string
  readonly find: (path: string) => Promise<string>
  /** Brings the log into the state in which the file is used. */
  readonly arrange?: (path: string) => void
  /**
   * `refused`: the log is whole, or an error names what is wrong. `prefix`: the end may be missing.
   * `ignored`: the log is whole.
   */
  readonly allows: 'refused' | 'prefix' | 'ignored'
  /** How much of the file is looked at: default all. */
  readonly bytes?: (content: Buffer) => number
  readonly options?: OpenOptions
}

async function fileIn(path: string, folder: string, fits: (name: string) => boolean): Promise<string> {
  const names = await readdir(join(path, folder), { recursive: true })
  // Of the snapshots of a projection the newest is the one that is used.
  const found = names.sort().findLast(fits)
  if (found === undefined) throw new Error(`nothing in ${folder}`)
  return join(path, folder, found)
}

const pack = (path: string) => void git(path, ['repack', '-a', '-d', '-q'])
const inPack = (suffix: string) => (path: string) =>
  fileIn(path, 'objects/pack', (name) => name.endsWith(suffix))
const READ_ONLY: OpenOptions = { readOnly: true }

const VICTIMS: readonly Victim[] = [
  {
    name: 'the journal',
    find: (path) => fileIn(path, 'memoir/journal', (name) => name.endsWith('.journal')),
    allows: 'prefix',
    // Its frames and the first of the zeros behind them.
    bytes: (content) => content.findLastIndex((byte) => byte !== 0) + 20,
  },
  {
    name: 'a batch blob',
    async find(path) {
      const [oid] = gitText(path, 'ls-tree', '-r', 'HEAD', 'events/').split('\n')[0]!.split(/\s+/).slice(2)
      return join(path, 'objects', oid!.slice(0, 2), oid!.slice(2))
    },
    allows: 'refused',
    options: READ_ONLY,
  },
  { name: 'a pack', arrange: pack, find: inPack('.pack'), allows: 'refused', options: READ_ONLY },
  { name: 'the index of a pack', arrange: pack, find: inPack('.idx'), allows: 'refused', options: READ_ONLY },
  {
    name: 'the ref',
    find: async (path) => join(path, 'refs/heads/main'),
    allows: 'refused',
    options: READ_ONLY,
  },
  {
    name: 'the snapshot of a projection',
    find: (path) => fileIn(path, 'memoir/snapshots', (name) => name.startsWith('projection')),
    allows: 'ignored',
  },
  {
    name: 'the snapshot of the index',
    find: (path) => fileIn(path, 'memoir/snapshots', (name) => name.startsWith('index')),
    allows: 'ignored',
  },
]

/** A log with commits, snapshots, and events in its journal that are not committed yet. */
async function makeLog(folder: string): Promise<string> {
  const original = `${folder}/original.git`
  const log = await open(original, { ...BY_HAND, snapshot: { everyEvents: 3 } })
  const session = startSession('run', () => undefined)
  for (let round = 0; round < 3; round++) {
    await session.append(log, 2)
    await log.seal()
  }
  await log.close()
  const again = await open(original, BY_HAND)
  await session.append(again, 3)
  // What a kill would leave.
  cpSync(original, `${folder}/log.git`, { recursive: true })
  forgetLocks(`${folder}/log.git`)
  await again.close()
  return `${folder}/log.git`
}

describe.each(VICTIMS)('$name', (victim) => {
  it.each(Object.keys(DAMAGES))(
    '%s anywhere never leads to wrong data',
    async (name) => {
      const folder = temporaryFolder()
      const path = await makeLog(folder)
      victim.arrange?.(path)
      const file = await victim.find(path)
      const content = readFileSync(file)
      const length = victim.bytes?.(content) ?? content.length
      const stride = Math.max(1, Math.floor(length / PLACES))
      const copies = Array.from(
        { length: COPIES },
        (_, copy) => new LogCopy(path, `${folder}/copy-${copy}.git`),
      )
      const whole = await look(copies[0]!.path, victim.options ?? {})
      const isReadOnly = victim.options?.readOnly === true
      const wrong: string[] = []
      const places = placesIn(length, stride)
      const damageAndLook = async (copy: LogCopy) => {
        for (const at of places) {
          if (!isReadOnly) copy.restore()
          const damaged = join(copy.path, relative(path, file))
          // It may be read only.
          rmSync(damaged)
          writeFileSync(damaged, DAMAGES[name]!(content, at))
          const engine = at % 2 === 0 ? 'git' : 'isomorphic'
          const problem = await look(copy.path, { ...victim.options, engine }).then(
            (shown) => problemWith(shown, whole, victim),
            (error: unknown) => problemWithError(error, victim),
          )
          if (problem !== undefined) wrong.push(`at byte ${at}, ${engine}: ${problem}`)
        }
      }
      await Promise.all(copies.map(damageAndLook))
      // What only reads changes nothing: so every look was at one damaged file.
      const changed = copies.flatMap((copy) => (isReadOnly ? copy.differences() : []))
      expect(changed.filter((name) => name !== relative(path, file))).toEqual([])
      expect(wrong).toEqual([])
    },
    3_600_000,
  )
})

/** Each place is given once, to whoever asks first. */
function* placesIn(length: number, stride: number): Generator<number> {
  for (let at = new Random(Date.now()).below(stride); at < length; at += stride) yield at
}

function problemWith(shown: Shown, whole: Shown, { allows }: Victim): string | undefined {
  const isPrefix = shown.events.every((event, at) => event === whole.events[at])
  if (!isPrefix || shown.events.length > whole.events.length) return 'wrong data'
  if (shown.events.length < whole.events.length && allows !== 'prefix') return 'events are missing'
  return undefined
}

/** An error is one of ours, which names the place. */
function problemWithError(error: unknown, { allows }: Victim): string | undefined {
  if (allows === 'ignored') return `refused: ${error}`
  return error instanceof MemoirError ? undefined : `not told: ${error}`
}
