import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Log, type OpenOptions, open, projection, type RecordedEvent, type StreamAppend } from 'memoir'
import {
  type SampleData,
  type SampleEvent,
  SampleRecorder,
  sampleEvent,
  sampleEvents,
  TYPES,
} from './sample-events.ts'
import { GIT_ENVIRONMENT, git } from './workspace.ts'

type Sums = Map<string, number>

function add(sums: Sums, { stream, data }: RecordedEvent<string, SampleData>): void {
  sums.set(stream, (sums.get(stream) ?? 0) + data.amount)
}

/** Reads the data of every event. */
export const sums = projection({
  name: 'sums',
  version: 1,
  init: (): Sums => new Map(),
  when: Object.fromEntries(TYPES.map((type) => [type, add])),
})

/** Reads the data of one type in 24. */
export const deposits = projection({
  name: 'deposits',
  version: 1,
  init: (): Sums => new Map(),
  when: { MoneyDeposited: add },
})

/** Appends sample events in batches: each batch one append over the streams it touches. */
export async function appendBatches(
  log: Log,
  { events, streams, batch }: { readonly events: number; readonly streams: number; readonly batch: number },
): Promise<void> {
  for (let from = 0; from < events; from += batch) {
    await log.append(byStream(sampleEvents(Math.min(batch, events - from), streams, from)))
  }
}

function byStream(events: readonly SampleEvent[]): StreamAppend[] {
  const groups = new Map<string, SampleEvent['event'][]>()
  for (const { stream, event } of events) {
    const group = groups.get(stream)
    if (group === undefined) groups.set(stream, [event])
    else group.push(event)
  }
  return [...groups].map(([stream, group]) => ({ stream, events: group }))
}

/** Makes a log of sample events and closes it. */
export async function makeLog(
  path: string,
  shape: { readonly events: number; readonly streams: number; readonly batch: number },
  options: OpenOptions = {},
): Promise<void> {
  const log = await open(path, options)
  await appendBatches(log, shape)
  await log.close()
}

/** How many one-event commits come before each fold, as the writer does it. */
const FOLD_EVERY = 256

/**
 * Makes a log of sample events, each in a commit of its own, folded as it grows. Git's fast-import makes the
 * commits, which is some forty times faster than a hundred thousand durable seals; their objects are in packs, or
 * loose as a seal leaves them.
 */
export async function makeLogOfSmallCommits(
  path: string,
  events: number,
  streams: number,
  {
    loose = false,
    onFolded,
  }: { readonly loose?: boolean; readonly onFolded?: (log: Log) => Promise<void> } = {},
): Promise<void> {
  await using log = await open(path, { maintenance: false })
  const recorder = new SampleRecorder()
  for (let from = 0; from < events; from += FOLD_EVERY) {
    const count = Math.min(FOLD_EVERY, events - from)
    const records = sampleEvents(count, streams, from).map((event, at) => recorder.record(event, from + at))
    const stream = records.map((record, at) =>
      commitOf(from + at + 1, `${JSON.stringify(record)}\n`, at === 0 ? MAIN : undefined),
    )
    await fastImport(path, `${stream.join('')}done\n`, loose)
    await log.waitFor(from + count)
    await log.fold()
    await onFolded?.(log)
  }
}

const MAIN = 'refs/heads/main'

/**
 * A commit with one batch, for `git fast-import`.
 *
 * @param parent the branch to go on from, in the first commit of a run; the others follow on one another
 */
export function commitOf(position: number, lines: string, parent: string | undefined, ref = MAIN): string {
  const count = lines.split('\n').length - 1
  const message = `Append ${count} events (${position}..${position + count - 1})\n\nMemoir-First: ${position}\nMemoir-Count: ${count}\nMemoir-Kind: append\n`
  const number = String(Math.floor(position / 1_000_000)).padStart(6, '0')
  const path = `events/${number}/${String(position).padStart(12, '0')}.jsonl`
  return [
    `commit ${ref}\n`,
    `committer Bench <bench@localhost> ${1_790_000_000 + position} +0000\n`,
    `data ${message.length}\n${message}`,
    parent === undefined ? '' : `from ${parent}^0\n`,
    `M 100644 inline ${path}\ndata ${Buffer.byteLength(lines)}\n${lines}\n`,
  ].join('')
}

/**
 * Makes a repository that is no log: the lines of sample events, each a commit in which it takes the place of the one
 * before it, so with the fewest objects that a commit with a file can bring. Packed and indexed as well as git can.
 */
export async function makeLeastCommits(path: string, events: number, streams: number): Promise<void> {
  git('.', 'init', '--quiet', '--bare', path)
  const lines = sampleText(events, streams).split('\n').slice(0, -1)
  const commits = lines.map((line, at) =>
    [
      `commit ${MAIN}\ncommitter Bench <bench@localhost> ${1_790_000_000 + at} +0000\ndata 0\n`,
      `M 100644 inline event\ndata ${Buffer.byteLength(line)}\n${line}\n`,
    ].join(''),
  )
  await fastImport(path, `${commits.join('')}done\n`)
  git(path, 'repack', '-a', '-d', '-q', '--write-bitmap-index')
  git(path, 'symbolic-ref', 'HEAD', MAIN)
}

export async function fastImport(path: string, commands: string, loose = false): Promise<void> {
  const limit = loose ? ['-c', 'fastimport.unpackLimit=1000000'] : []
  const args = ['-C', path, ...limit, 'fast-import', '--quiet', '--done', '--date-format=raw']
  const child = spawn('git', args, { env: GIT_ENVIRONMENT, stdio: ['pipe', 'ignore', 'inherit'] })
  child.stdin.end(commands)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`)
}

/** A bare clone, repacked, as a host or a new replica has it. */
export function cloneRepacked(from: string, to: string): void {
  git('.', 'clone', '--quiet', '--bare', '--no-local', from, to)
  git(to, 'repack', '-a', '-d', '-q')
}

/** The stored lines of sample events, as a log in its own order would hold them. */
export function sampleText(events: number, streams: number): string {
  const recorder = new SampleRecorder()
  let text = ''
  for (let number = 0; number < events; number++) {
    text += `${JSON.stringify(recorder.record(sampleEvent(number, streams), number))}\n`
  }
  return text
}
