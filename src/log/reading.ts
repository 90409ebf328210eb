import { setImmediate as nextTurn } from 'node:timers/promises'
import { MemoirError, UsageError } from '../event/errors.ts'
import type { RecordedEvent } from '../event/event.ts'
import { checkOptionKinds, type OptionKind } from '../event/option-kinds.ts'
import type { BatchFile } from '../repository/batch-file.ts'
import type { Batch } from './batch.ts'
import type { BatchSource } from './batch-source.ts'
import { StreamNotFoundError } from './errors.ts'
import type { LogIndex } from './log-index.ts'
import type { LogState } from './log-state.ts'
import { UnsealedRun } from './run.ts'
import { versionAt } from './streams.ts'

/** What to read. Without `stream`, the whole log. */
export interface ReadOptions {
  /** One stream: `from` and `to` are versions then, else positions. */
  readonly stream?: string
  /** Where reading starts, included. Default: the first event; backwards, the last. */
  readonly from?: number
  /** Where reading ends, included. Default: the last event; backwards, the first. */
  readonly to?: number
  /** The most events to give. */
  readonly limit?: number
  readonly direction?: 'forwards' | 'backwards'
  /** Only events of these types. */
  readonly types?: readonly string[]
  /** Only events of these streams. */
  readonly streams?: readonly string[]
  /** Only events of streams whose name begins so. */
  readonly prefix?: string
  /** Only events that carry all of these tags. */
  readonly tags?: readonly string[]
  /** What a missing stream is: no events (default), or a StreamNotFoundError. */
  readonly ifMissing?: 'empty' | 'error'
  /** Goes on with new events as they become visible, until the signal ends it. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

/** History was rewritten while it was being read. */
export class LogRewrittenError extends MemoirError {
  readonly code = 'log-rewritten'
  constructor() {
    super('the history of the log was rewritten while it was being read', {
      hint: 'Read again from the start.',
    })
  }
}

/** How many positions are looked at before other work gets its turn. */
const SLICE = 16_384
/** How many are looked at first where few events are asked for. */
const SMALLEST_SLICE = 16

/**
 * Reads events that are visible when the first one is asked for, and with `follow` those that come.
 *
 * Costs one look-up in the index an event looked at, and one read a batch that holds a match.
 *
 * @throws StreamNotFoundError, UsageError, LogRewrittenError, the signal's reason
 */
export async function* readEvents(
  state: LogState,
  source: BatchSource,
  options: ReadOptions,
): AsyncGenerator<RecordedEvent> {
  checkReadOptions(options)
  const { stream, signal, ifMissing = 'empty', limit = Number.POSITIVE_INFINITY, follow = false } = options
  signal?.throwIfAborted()
  if (stream !== undefined && ifMissing === 'error') {
    if (versionAt(state.index, stream, state.visible.position) === 0) throw new StreamNotFoundError(stream)
  }
  if (limit === 0) return
  const { rewrites } = state
  let left = limit
  let from = options.from
  for (;;) {
    const end = state.visible.position
    for await (const slice of matches(
      state.index,
      { ...options, ...(from !== undefined && { from }) },
      end,
    )) {
      const wanted = left < slice.length ? slice.slice(0, left) : slice
      for await (const event of load(state, source, wanted, rewrites)) {
        signal?.throwIfAborted()
        yield event
        left--
      }
      if (left <= 0) return
      signal?.throwIfAborted()
    }
    checkHistory(state, rewrites)
    if (!follow) return
    const seen = stream === undefined ? end : versionAt(state.index, stream, end)
    if (options.to !== undefined && seen >= options.to) return
    from = Math.max(from ?? 1, seen + 1)
    await state.visible.leaves(end, signal)
  }
}

/** The event at a position. */
export async function loadEvent(
  state: LogState,
  source: BatchSource,
  position: number,
): Promise<RecordedEvent> {
  const run = await loadRun(state, source, position)
  return run.event(position)!.toJSON()
}

/** The batch, or the journaled appends, that hold a position. */
export async function loadRun(
  { branch, tail }: LogState,
  source: BatchSource,
  position: number,
): Promise<Batch | UnsealedRun> {
  const unsealed = tail.find(position)
  return unsealed ?? source.load(branch.tree.find(position)!)
}

async function* load(state: LogState, source: BatchSource, positions: readonly number[], rewrites: number) {
  checkHistory(state, rewrites)
  const groups = groupByBatch(state, positions)
  // The files that there were when the groups were made: a seal or a fold in the meantime changes nothing about them.
  const batches = source.loadMany(
    groups.flatMap(({ holder }) => (holder instanceof UnsealedRun ? [] : [holder])),
  )
  try {
    for (const { holder, members } of groups) {
      const run = holder instanceof UnsealedRun ? holder : (await batches.next()).value!
      for (const position of members) {
        checkHistory(state, rewrites)
        yield run.event(position)!.toJSON()
      }
    }
  } finally {
    await batches.return(undefined)
  }
}

/** In another history there may be nothing at a position, or another event. @throws LogRewrittenError */
function checkHistory(state: LogState, rewrites: number): void {
  if (state.rewrites !== rewrites) throw new LogRewrittenError()
}

/** Positions that follow on one another in one batch file, or in what was journaled together. */
interface Group {
  readonly holder: BatchFile | UnsealedRun
  readonly members: number[]
}

function groupByBatch({ branch, tail }: LogState, positions: readonly number[]): Group[] {
  const groups: Group[] = []
  for (const position of positions) {
    const holder = tail.find(position) ?? branch.tree.find(position)!
    const last = groups.at(-1)
    if (last?.holder === holder) last.members.push(position)
    else groups.push({ holder, members: [position] })
  }
  return groups
}

/** Positions that fit, in the order of reading, in slices between which other work gets its turn. */
async function* matches(index: LogIndex, options: ReadOptions, end: number): AsyncGenerator<number[]> {
  const { stream, direction = 'forwards', limit = SLICE } = options
  const isBackwards = direction === 'backwards'
  const number = stream === undefined ? undefined : index.streams.find(stream)
  const last = stream === undefined ? end : versionAt(index, stream, end)
  const { from = isBackwards ? last : 1, to = isBackwards ? 1 : last } = options
  const low = Math.max(1, isBackwards ? to : from)
  const high = Math.min(last, isBackwards ? from : to)
  const fits = filter(index, options)

  // Few events of a long stream are found without a look at all of it.
  let size = Math.min(SLICE, Math.max(SMALLEST_SLICE, limit))
  for (let done = 0; done <= high - low; ) {
    const start = isBackwards ? Math.max(low, high - done - size + 1) : low + done
    const stop = isBackwards ? high - done : Math.min(high, low + done + size - 1)
    done += size
    size = Math.min(SLICE, size * 2)
    const positions = number === undefined ? range(start, stop) : index.chains.positions(number, start, stop)
    const found = positions.filter(fits)
    if (found.length > 0) yield isBackwards ? found.reverse() : found
    else {
      await nextTurn()
      options.signal?.throwIfAborted()
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

/** Whether the event at a position is asked for, told from the index alone. */
function filter(
  index: LogIndex,
  { types, streams, prefix, tags }: ReadOptions,
): (position: number) => boolean {
  const typeNames = types && new Set(types)
  const streamNames = streams && new Set(streams)
  return (position) => {
    if (typeNames !== undefined && !typeNames.has(index.typeName(position))) return false
    if (streamNames !== undefined || prefix !== undefined) {
      const name = index.streamName(position)
      if (streamNames !== undefined && !streamNames.has(name)) return false
      if (prefix !== undefined && !name.startsWith(prefix)) return false
    }
    return tags === undefined || tags.every((tag) => index.tags.has(position, tag))
  }
}

/** @throws UsageError */
export function checkReadOptions(options: ReadOptions): void {
  checkOptionKinds('read', options, KNOWN)
  const { from, to, limit, direction, follow, types, streams, tags, ifMissing } = options
  for (const [name, value] of Object.entries({ types, streams, tags })) {
    if (value === undefined || (Array.isArray(value) && value.every((one) => typeof one === 'string')))
      continue
    throw new UsageError(`read option "${name}" is no list of names`, { hint: 'Give one such as ["a"].' })
  }
  if (ifMissing !== undefined && ifMissing !== 'empty' && ifMissing !== 'error') {
    throw new UsageError(`read option "ifMissing" is ${String(ifMissing)}`, {
      hint: "Give 'empty' or 'error'.",
    })
  }
  for (const [name, value] of Object.entries({ from, to, limit })) {
    if (
      value !== undefined &&
      value !== Number.POSITIVE_INFINITY &&
      !(Number.isSafeInteger(value) && value >= 0)
    ) {
      throw new UsageError(`read option "${name}" is ${String(value)}`, {
        hint: 'Give a whole number from 0.',
      })
    }
  }
  if (direction !== undefined && direction !== 'forwards' && direction !== 'backwards') {
    throw new UsageError(`read option "direction" is ${String(direction)}`, {
      hint: "Give 'forwards' or 'backwards'.",
    })
  }
  if (follow === true && direction === 'backwards') throw new UsageError('reading backwards cannot follow')
}

const KNOWN: Readonly<Record<keyof ReadOptions, OptionKind>> = {
  stream: 'text',
  from: 'any',
  to: 'any',
  limit: 'any',
  direction: 'any',
  types: 'any',
  streams: 'any',
  prefix: 'text',
  tags: 'any',
  ifMissing: 'any',
  follow: 'truth',
  signal: 'signal',
}
