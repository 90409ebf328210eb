import { StoredEvent } from '../event/stored-event.ts'
import type { LogIndex } from '../log/log-index.ts'
import { lastOf, type Run } from '../log/run.ts'
import { InvalidProjectionError } from './errors.ts'
import type { Handler, Projection } from './projection.ts'

/** A state at a position, as a snapshot holds it. */
export interface SavedState {
  readonly state: unknown
  readonly position: number
}

/** Where and why a projection stopped. */
export interface Stop {
  /** Position of the event that the handler failed at. */
  readonly position: number
  readonly error: Error
}

/**
 * A projection at work: its state, and how far it has come.
 *
 * running → stopped: a handler failed. What that handler changed before it failed stays changed, so a
 * stopped one is never set going again: it is made anew (see Image.resume).
 */
export class RunningProjection {
  /** The position of the last event that was taken in, or passed over. */
  position: number
  state: unknown
  stop: Stop | undefined
  private index: LogIndex | undefined
  /** By number of the event type in the index; null where the projection has no handler for it. */
  private handlers: (Handler<unknown> | null | undefined)[] = []

  /** @param skipped positions of events that are passed over */
  constructor(
    readonly projection: Projection<unknown>,
    saved: SavedState | undefined,
    readonly skipped: ReadonlySet<number> = new Set(),
  ) {
    this.state = saved === undefined ? initialState(projection) : saved.state
    this.position = saved?.position ?? 0
  }

  /** Takes in the events of a run that it has not seen. @returns why it stopped, if it did so now */
  apply(run: Run, index: LogIndex): Stop | undefined {
    if (this.stop !== undefined) return undefined
    if (this.index !== index) {
      this.index = index
      this.handlers = []
    }
    const { handlers } = this
    const { first, lines } = run
    const last = lastOf(run)
    let position = Math.max(first, this.position + 1)
    try {
      for (; position <= last; position++) {
        const type = index.typeNumber(position)
        const handler = handlers[type] ?? this.resolve(type, index)
        if (handler === null || this.skipped.has(position)) continue
        // Each projection gets an event of its own: what one changes in it, no other sees.
        const result = handler(this.state, new StoredEvent(position, lines, position - first, index))
        if (result !== undefined) this.state = checked(result)
      }
    } catch (error) {
      this.position = position - 1
      this.stop = { position, error: asError(error) }
      return this.stop
    }
    this.position = Math.max(this.position, last)
    return undefined
  }

  private resolve(type: number, index: LogIndex): Handler<unknown> | null {
    const known = this.handlers[type]
    if (known !== undefined) return known
    const handler = this.projection.findHandler(index.types.name(type)) ?? null
    // Filled from the start, so that the array stays a dense one.
    while (this.handlers.length <= type) this.handlers.push(undefined)
    this.handlers[type] = handler
    return handler
  }
}

function initialState(projection: Projection<unknown>): unknown {
  try {
    return projection.init()
  } catch (cause) {
    throw new InvalidProjectionError('init', `threw an error: that of "${projection.name}"`, {
      hint: 'It has to give the state before the first event, at any time. See the cause.',
      cause,
    })
  }
}

/** Not all that can be thrown can be made a text of. */
function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  try {
    return new Error(String(thrown))
  } catch {
    return new Error('the handler threw what is no error and has no text', { cause: thrown })
  }
}

function checked(state: unknown): unknown {
  if (!(state instanceof Promise)) return state
  state.catch(() => undefined)
  throw new TypeError('the handler returned a promise: handlers are synchronous')
}
