import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { NewEvent, RecordedEvent } from '../../src/event/event.ts'
import type { LogIndex } from '../../src/log/log-index.ts'
import type { LogListener, Notice } from '../../src/log/log-state.ts'
import type { OpenEventLogOptions, OpenedLog } from '../../src/log/open-event-log.ts'
import type { ReadOptions } from '../../src/log/reading.ts'
import type { Run } from '../../src/log/run.ts'
import { commitByHand, openLog as openPlainLog } from './log-fixture.ts'

export {
  fsck,
  git,
  gitText,
  temporaryDirectory as temporaryFolder,
  writeObject,
} from '../repository/real-git.ts'

/** What is told of a log's events keeps their ids in order: the smallest image there is. */
export class IdListener implements LogListener {
  readonly position = 0
  ids: string[] = []

  onRun({ first, lines }: Run): void {
    if (first !== this.ids.length + 1) throw new Error(`told of ${first} after ${this.ids.length}`)
    for (let line = 0; line < lines.count; line++) this.ids.push(lines.id(line))
  }

  async onRewritten(
    commonPosition: number,
    replay: (from: number) => AsyncIterable<Run>,
    _index: LogIndex,
  ): Promise<void> {
    this.ids = this.ids.slice(0, commonPosition)
    for await (const run of replay(commonPosition + 1)) this.onRun(run)
  }
}

export interface TestLog extends OpenedLog {
  readonly listener: IdListener
  readonly notices: readonly Notice[]
  /** Seals, closes and gives the lock back. */
  readonly close: () => Promise<void>
}

/** Seals only when asked, or when an append asks for a commit. */
export const SEAL_BY_HAND = { afterMs: 3_600_000, maxBytes: 1 << 30 }

/** Opens a log as `open` does, without projections; it is closed when the test ends. */
export async function openLog(path: string, options: Partial<OpenEventLogOptions> = {}): Promise<TestLog> {
  const listener = new IdListener()
  const notices: Notice[] = []
  const opened = await openPlainLog(path, {
    author: { name: 'Memoir', email: 'memoir@example.org' },
    seal: SEAL_BY_HAND,
    notify: (notice) => notices.push(notice),
    prepare: async () => ({ listener, index: undefined }),
    ...options,
  })
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= opened.log.close().finally(() => opened.release())
    return closing
  }
  onTestFinished(() => close().catch(() => undefined))
  return { ...opened, listener, notices, close }
}

/** A new event of a type, told apart by a number. */
export function event(number: number, more: Partial<NewEvent> = {}): NewEvent {
  return { type: 'Counted', data: { number }, ...more }
}

/** Appends one event after the other to a stream. */
export async function appendEach({ log }: OpenedLog, stream: string, count: number, from = 1): Promise<void> {
  for (let number = from; number < from + count; number++) {
    await log.append([{ stream, events: [event(number)] }], undefined, 'journaled')
  }
}

export async function readAll({ log }: OpenedLog, options: ReadOptions = {}): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const one of log.read(options)) events.push(one)
  return events
}

/** The numbers that `event` gave, in the order of the log. */
export async function numbers(opened: OpenedLog, options: ReadOptions = {}): Promise<unknown[]> {
  return (await readAll(opened, options)).map(({ data }) => (data as { number: unknown }).number)
}

/** Commits changes of the tree with plain git; undefined removes a file. */
export function commitForeign(
  gitDirectory: string,
  files: Readonly<Record<string, string | undefined>>,
  { amend = false }: { readonly amend?: boolean } = {},
): string {
  return commitByHand(gitDirectory, { files, parents: [amend ? 'main^' : 'main'] })
}

/** A stored line as another tool may write it. */
export function line(
  position: number,
  { stream = 'foreign', version = position, time = '2099-01-01T00:00:00.000Z', type = 'Counted' } = {},
): string {
  const id = `foreign-${stream}-${position}`
  return `{"id":"${id}","stream":"${stream}","version":${version},"type":"${type}","time":"${time}","data":{"number":${position}}}\n`
}

export function batchFile(first: number, codec = 'jsonl'): string {
  return `events/000000/${String(first).padStart(12, '0')}.${codec}`
}

/** Waits for something that is about to become true. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await isTrue()); ) {
    if (Date.now() > end) throw new Error('it did not become true')
    // Also while a test has the other timers in its hands.
    await delay(5)
  }
}
