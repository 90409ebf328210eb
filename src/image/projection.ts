import type { RecordedEvent } from '../event/event.ts'
import { nameProblem } from '../event/new-event.ts'
import { InvalidProjectionError } from './errors.ts'

/**
 * Takes one event into a state: changes the state and returns nothing, or returns a new state. It has to
 * be pure and synchronous: the same events in the same order must always give the same state.
 */
export type Handler<State, Data = unknown> = {
  // As a method, so that a handler may say what data its event type has: `event: RecordedEvent<'X', { n: number }>`.
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler may return nothing, and may be declared so.
  handle(state: State, event: RecordedEvent<string, Data>): State | void
}['handle']

/** The data of each event type, for a projection that declares it: `{ MoneyDeposited: { amount: number } }`. */
type Handlers<State, Events> = {
  readonly [Type in keyof Events & string]?: Handler<State, Events[Type]>
}

/** What `projection` takes. */
export interface ProjectionDefinition<State, Events> {
  /** 1 to 200 characters, unique among the projections of a log. */
  readonly name: string
  /** A whole number from 1. Raise it with each change of `init` or `when`: it makes saved states void. */
  readonly version: number
  /** Makes the state before the first event: a new one at each call, unless no handler changes it. */
  readonly init: () => State
  /** What each event type does to the state; events of other types are passed over. */
  readonly when: Handlers<NoInfer<State>, Events>
}

/** A pure fold of events into a state in memory. Made by `projection`; immutable. */
export interface Projection<State> {
  readonly name: string
  readonly version: number
  /** The state before the first event. */
  init(): State
  /** What an event type does to the state, or undefined if it does nothing. */
  findHandler(type: string): Handler<State> | undefined
}

/**
 * Defines a projection.
 *
 * ```ts
 * const balances = projection({
 *   name: 'balances',
 *   version: 1,
 *   init: () => new Map<string, number>(),
 *   when: {
 *     MoneyDeposited(state, { stream, data }: RecordedEvent<'MoneyDeposited', { amount: number }>) {
 *       state.set(stream, (state.get(stream) ?? 0) + data.amount)
 *     },
 *   },
 * })
 * ```
 *
 * The data of all event types can be declared at once: `projection<Map<string, number>, BankEvents>({ … })`.
 * An event is a view on its stored line; to keep one in the state, keep `event.data` or a copy of its fields.
 *
 * @throws InvalidProjectionError
 */
export function projection<State, Events = Readonly<Record<string, unknown>>>(
  definition: ProjectionDefinition<State, Events>,
): Projection<State> {
  if (typeof definition !== 'object' || definition === null) {
    throw new InvalidProjectionError('definition', 'must be an object')
  }
  const { name, version, init, when } = definition
  const problem = nameProblem(name)
  if (problem !== undefined) throw new InvalidProjectionError('name', problem)
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new InvalidProjectionError('version', 'must be a whole number from 1')
  }
  if (typeof init !== 'function') throw new InvalidProjectionError('init', 'must be a function')
  if (typeof when !== 'object' || when === null) {
    throw new InvalidProjectionError('when', 'must be an object with a function for each event type')
  }
  // A map of its own: an event type may be called `constructor`, and the definition may change later.
  const handlers = new Map<string, Handler<State>>()
  for (const [type, handler] of Object.entries<Handler<State> | undefined>(when)) {
    if (handler === undefined) continue
    if (typeof handler !== 'function') {
      throw new InvalidProjectionError(`when.${type}`, 'must be a function')
    }
    handlers.set(type, handler.bind(when))
  }
  return Object.freeze({
    name,
    version,
    init: () => init(),
    findHandler: (type: string) => handlers.get(type),
  })
}

/** Whether something is a projection, told by its shape: a program may have several copies of Memoir. */
export function isProjection(value: unknown): value is Projection<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { name, version, init, findHandler } = value as Partial<Projection<unknown>>
  return (
    [typeof name, typeof version, typeof init, typeof findHandler].join() ===
    'string,number,function,function'
  )
}
