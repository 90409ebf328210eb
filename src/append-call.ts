import type { AppendCondition, ExpectedVersion } from './event/condition.ts'
import { UsageError } from './event/errors.ts'
import type { NewEvent } from './event/event.ts'
import { checkOptionNames } from './event/option-names.ts'
import type { AckLevel } from './log/appender.ts'
import type { StreamAppend } from './log/preparation.ts'

/** How an append is accepted and acknowledged. */
export interface AppendOptions {
  /** Where the stream has to stand. Default `'any'`. In an append over several streams, give it with each. */
  readonly expectedVersion?: ExpectedVersion
  /** What else must hold: no event after a position matches a query. */
  readonly condition?: AppendCondition
  /** How safe the events are when the promise resolves. Default `'journaled'`: on this disk. */
  readonly ack?: AckLevel
  /**
   * Ends the wait for the remote, with `ack: 'pushed'`: `NotPushedError`, of a shared log `NotConfirmedError`.
   * It takes no append back, but cuts off a push that nobody else wants.
   */
  readonly signal?: AbortSignal
}

/** What is asked of an append, whichever way it was called. */
export interface AppendCall {
  readonly appends: readonly StreamAppend[]
  readonly condition: AppendCondition | undefined
  readonly ack: AckLevel
  readonly signal: AbortSignal | undefined
}

/**
 * Brings the two forms of the call into one.
 *
 * @param defaultAck the ack level of a call that names none
 * @throws UsageError
 */
export function normaliseAppend(
  target: string | readonly StreamAppend[],
  second: readonly NewEvent[] | Omit<AppendOptions, 'expectedVersion'> | undefined,
  third: AppendOptions | undefined,
  defaultAck: AckLevel,
): AppendCall {
  const options: AppendOptions = (isList(target) && !isList(second) ? (second ?? third) : third) ?? NO_OPTIONS
  if (options !== NO_OPTIONS) checkOptionNames('append', options, APPEND_OPTIONS)
  const { condition, ack = defaultAck, signal } = options
  if (!isList(target)) {
    const { expectedVersion = 'any' } = options
    // What is no list of events is refused with the events.
    const appends = [{ stream: target, events: isList(second) ? second : [], expectedVersion }]
    return { appends, condition, ack: checkAck(ack), signal }
  }
  if (isList(second)) throw new UsageError('an append over several streams takes its events with each stream')
  checkStreamAppends(target)
  if (options.expectedVersion !== undefined) {
    throw new UsageError('an append over several streams takes an expectedVersion with each stream', {
      hint: 'Call append([{ stream, events, expectedVersion }, …]).',
    })
  }
  return { appends: target, condition, ack: checkAck(ack), signal }
}

const NO_OPTIONS: AppendOptions = {}
const APPEND_OPTIONS: Readonly<Record<keyof AppendOptions, true>> = {
  expectedVersion: true,
  condition: true,
  ack: true,
  signal: true,
}

/** @throws UsageError for what is no stream with its events */
export function checkStreamAppends(appends: readonly unknown[]): void {
  for (const append of appends) checkStreamAppend(append)
}

function checkStreamAppend(append: unknown): void {
  if (typeof append !== 'object' || append === null) {
    throw new UsageError(
      'an append over several streams holds something else than a stream with its events',
      {
        hint: 'Call append([{ stream, events }, …]).',
      },
    )
  }
  checkOptionNames<object>('a stream of an append', append, STREAM_APPEND)
}

const STREAM_APPEND: Readonly<Record<keyof StreamAppend, true>> = {
  stream: true,
  events: true,
  expectedVersion: true,
}

const ACK_LEVELS: readonly AckLevel[] = ['written', 'journaled', 'committed', 'pushed']

function checkAck(ack: AckLevel): AckLevel {
  if (ACK_LEVELS.includes(ack)) return ack
  throw new UsageError(`ack is ${JSON.stringify(ack)}`, { hint: `Give one of ${ACK_LEVELS.join(', ')}.` })
}

function isList<T>(value: string | readonly T[] | object | undefined): value is readonly T[] {
  return Array.isArray(value)
}
