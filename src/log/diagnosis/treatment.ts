import type { NewEvent } from '../../event/event.ts'
import { Lines } from '../../event/lines.ts'
import { formatTime, timeOf } from '../../event/time.ts'
import { openFileJournal } from '../../journal/file-journal.ts'
import { groupEntries, type JournalEntry } from '../../journal/journal.ts'
import { readEntries, releasedPosition, scanSegments } from '../../journal/stored-segment.ts'
import type { Repository } from '../../repository/repository.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { BatchSource } from '../batch-source.ts'
import { readBranchState } from '../branch.ts'
import type { EventLog } from '../event-log.ts'
import { makeOwnDirectory, ownDirectory } from '../log-repository.ts'
import type { LogListener } from '../log-state.ts'
import { openEventLog } from '../open-event-log.ts'
import type { StreamAppend } from '../preparation.ts'
import { WriterLock } from '../writer-lock.ts'
import type { Doctor, MovedEvent, Treatment } from './ailment.ts'
import { ASIDE_PREFIX, journalDirectory } from './journal.ts'
import { openForReading } from './reading.ts'
import { describePositions, readIntactEntries } from './salvage.ts'

const NO_IMAGE: LogListener = { position: Number.POSITIVE_INFINITY, onRun() {}, async onRewritten() {} }

/** Opens the log as its writer and closes it: takes up the journal, and commits what is in it. */
export async function sealJournal(doctor: Doctor): Promise<Treatment> {
  const before = await withLog(doctor, async (log) => log.state.tail.count)
  return {
    message: before === 0 ? 'The journal was taken up.' : `${before} events were committed.`,
    moved: [],
  }
}

/** Sets the journal aside, and appends its events behind those of the branch. */
export async function appendAnew(repository: Repository, doctor: Doctor): Promise<Treatment> {
  const aside = `${ownDirectory(repository)}/${ASIDE_PREFIX}${stamp(doctor)}`
  await withLock(repository, doctor, () =>
    moveDirectory(journalDirectory(repository), aside, doctor.fileSystem),
  )
  return finishAside(repository, doctor, aside)
}

/**
 * Appends the events of a journal that was set aside, but those that the log holds already, so that it can be
 * done again after a crash. The journal stays, under another name.
 */
export async function finishAside(repository: Repository, doctor: Doctor, aside: string): Promise<Treatment> {
  const { fileSystem } = doctor
  const segments = await scanSegments(fileSystem, aside)
  const moved = await appendEntries(
    doctor,
    readEntries(fileSystem, segments, () => releasedPosition(segments)),
  )
  const kept = `${ownDirectory(repository)}/journal.appended-${stamp(doctor)}`
  await withLock(repository, doctor, () => moveDirectory(aside, kept, fileSystem))
  const events = moved.length === 1 ? '1 event was' : `${moved.length} events were`
  return { message: `${events} appended anew. The old journal is in ${kept}.`, moved }
}

/**
 * Sets a damaged journal aside, and goes on with what stands whole before the damage: that is copied into a
 * journal of its own first, which is found and appended later if a crash comes between.
 */
export async function replaceJournal(repository: Repository, doctor: Doctor): Promise<Treatment> {
  const { fileSystem } = doctor
  const directory = journalDirectory(repository)
  const damaged = `${directory}.damaged-${stamp(doctor)}`
  const salvage = `${ownDirectory(repository)}/${ASIDE_PREFIX}${stamp(doctor)}`
  const { position, intact, beyond } = await withLock(repository, doctor, async () => {
    const saved = await readDamaged(repository, doctor, directory)
    if (saved.intact.length > 0) await writeJournal(salvage, saved.intact, fileSystem)
    await moveDirectory(directory, damaged, fileSystem)
    return saved
  })
  const moved = intact.length > 0 ? (await finishAside(repository, doctor, salvage)).moved : []
  const rest = beyond.length === 0 ? '' : `, ${describePositions(beyond)} among it`
  const message = `Positions 1 to ${position + moved.length} are kept. The damaged journal is in ${damaged}${rest}.`
  return { message, moved }
}

async function writeJournal(
  directory: string,
  entries: readonly JournalEntry[],
  fileSystem: FileSystem,
): Promise<void> {
  const journal = await openFileJournal({ directory, fileSystem })
  try {
    await journal.append(groupEntries(entries), 'durable')
  } finally {
    await journal.close()
  }
}

/** Runs a task while no other process may write to the log. @throws LogLockedError */
export async function withLock<Result>(
  repository: Repository,
  { fileSystem, clock }: Doctor,
  task: () => Promise<Result>,
): Promise<Result> {
  const lock = await WriterLock.acquire(await makeOwnDirectory(repository, fileSystem), fileSystem, clock)
  try {
    return await task()
  } finally {
    await lock.release()
  }
}

async function withLog<Result>(doctor: Doctor, task: (log: EventLog) => Promise<Result>): Promise<Result> {
  const { log, release } = await openEventLog({
    ...doctor,
    readOnly: false,
    engine: undefined,
    codec: 'jsonl',
    seal: { afterMs: 250, maxBytes: 1 << 20 },
    // What was acknowledged once was small enough for the limit of its writer.
    eventBytes: Number.MAX_SAFE_INTEGER,
    notify: () => {},
    onSealed: () => {},
    onProgress: undefined,
    prepare: async () => ({ listener: NO_IMAGE, index: undefined }),
  })
  try {
    const result = await task(log)
    await log.close()
    return result
  } finally {
    await log.close().catch(() => undefined)
    await release()
  }
}

/**
 * Each entry is one append again, so what was atomic stays so. None is synced by itself, of hundreds of thousands perhaps:
 * the old journal has them until the log is closed, and all are committed.
 */
async function appendEntries(doctor: Doctor, entries: AsyncIterable<JournalEntry>): Promise<MovedEvent[]> {
  return withLog(doctor, async (log) => {
    const moved: MovedEvent[] = []
    for await (const { first, lines: bytes } of entries) {
      const lines = Lines.fromBytes(bytes, 'journal')
      const places = await selectUnknown(log, lines)
      if (places.length === 0) continue
      const { firstPosition } = await log.append(
        toAppends(lines, places, log.state.index.lastTime),
        undefined,
        'written',
      )
      moved.push(
        ...places.map((line, at) => ({ id: lines.id(line), from: first + line, to: firstPosition + at })),
      )
    }
    return moved
  })
}

/** The lines whose events the log does not hold. */
async function selectUnknown(log: EventLog, lines: Lines): Promise<number[]> {
  const unknown: number[] = []
  for (let line = 0; line < lines.count; line++) {
    const id = lines.id(line)
    let isKnown = false
    for (const position of log.state.index.findId(id)) isKnown ||= (await log.event(position)).id === id
    if (!isKnown) unknown.push(line)
  }
  return unknown
}

/** An append names each stream once, so its events stand together already and keep their order. */
function byStream(lines: Lines, places: readonly number[]): Map<string, number[]> {
  const streams = new Map<string, number[]>()
  for (const line of places) {
    const stream = lines.stream(line)
    streams.set(stream, [...(streams.get(stream) ?? []), line])
  }
  return streams
}

function toAppends(lines: Lines, places: readonly number[], lastTime: number): StreamAppend[] {
  return [...byStream(lines, places)].map(([stream, own]) => ({
    stream,
    events: own.map((line): NewEvent => toEvent(lines, line, lastTime)),
  }))
}

/** The event with its id and its time; a time that lies before the log's last becomes that one. */
function toEvent(lines: Lines, line: number, lastTime: number): NewEvent {
  return {
    id: lines.id(line),
    type: lines.type(line),
    schema: lines.schema(line),
    tags: lines.tags(line),
    time: formatTime(Math.max(lines.timeMs(line), lastTime)),
    data: lines.data(line),
    metadata: lines.metadata(line),
  }
}

/** What is whole in a damaged journal, and where the branch ends. */
function readDamaged(repository: Repository, doctor: Doctor, directory: string) {
  return openForReading(repository, doctor, async (reader, commit) => {
    const source = new BatchSource(reader)
    const branch = await readBranchState(commit, reader, source)
    const entries = await readIntactEntries(doctor.fileSystem, directory, branch, source)
    return { position: branch.position, ...entries }
  })
}

async function moveDirectory(from: string, to: string, fileSystem: FileSystem): Promise<void> {
  await fileSystem.rename(from, to)
  await fileSystem.syncDirectory(to.slice(0, to.lastIndexOf('/')))
}

/** The time, as it may stand in a file name. */
function stamp({ clock }: Doctor): string {
  return formatTime(timeOf(clock)).replaceAll(':', '-')
}
