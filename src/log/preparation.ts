import type { AppendCondition, ExpectedVersion } from '../event/condition.ts'
import { AppendTooLargeError } from '../event/errors.ts'
import type { NewEvent } from '../event/event.ts'
import { JsonWriter, WriterFullError } from '../event/json-writer.ts'
import { prepareEvents } from '../event/new-event.ts'
import { MAX_APPEND_BYTES } from '../repository/layout.ts'
import { checkShape, PreparedAppend } from './append-check.ts'

/** Events for one stream, in an append over several. */
export interface StreamAppend {
  readonly stream: string
  readonly events: readonly NewEvent[]
  readonly expectedVersion?: ExpectedVersion
}

/** Room for the data of appends that wait together. */
const BODY_BYTES = 64 * 1024
/** Room for that of an append within another. */
const INNER_BYTES = 1024

/**
 * Checks appends and encodes them as far as is possible without a place in the log. The bodies of their events share
 * memory, which is used again as soon as an append has its place: as a rule before the next one comes.
 */
export class Preparation {
  private readonly bodies = new JsonWriter(BODY_BYTES)
  private isAtWork = false

  constructor(
    private readonly newId: () => string,
    /** The most bytes a stored event may take, where a call gives no other limit. */
    private readonly eventBytes: number,
  ) {}

  /**
   * @throws InvalidEventError, InvalidDataError, InvalidStreamError, EventTooLargeError, AppendTooLargeError, UsageError
   */
  prepare(
    appends: readonly StreamAppend[],
    condition: AppendCondition | undefined,
    eventBytes = this.eventBytes,
  ): PreparedAppend[] {
    const prepared = this.withBodies((bodies) =>
      appends.map(
        ({ stream, events, expectedVersion = 'any' }) =>
          new PreparedAppend(
            stream,
            expectedVersion,
            prepareEvents(stream, events, eventBytes, this.newId, bodies),
          ),
      ),
    )
    checkShape(prepared, condition)
    return prepared
  }

  /** Says that appends have their place: their bodies were copied, and may be overwritten. */
  release(prepared: readonly PreparedAppend[]): void {
    const last = prepared.at(-1)!.events.at(-1)!
    this.bodies.takeBack(last.body, prepared[0]!.events[0]!.from, last.to)
  }

  /** An event may have a getter, or a `toJSON`, that appends: what that writes must not stand in the midst of this. */
  private withBodies<Result>(prepare: (bodies: JsonWriter) => Result): Result {
    if (this.isAtWork) return withinBounds(new JsonWriter(INNER_BYTES), prepare)
    this.isAtWork = true
    try {
      this.bodies.moveOn()
      return withinBounds(this.bodies, prepare)
    } finally {
      this.isAtWork = false
    }
  }
}

/**
 * Encodes no more than an append may hold: an event may refer to one large text a thousand times. What a call wrote that
 * failed nobody refers to.
 */
function withinBounds<Result>(bodies: JsonWriter, prepare: (bodies: JsonWriter) => Result): Result {
  const start = bodies.used
  bodies.most = start + MAX_APPEND_BYTES
  try {
    return prepare(bodies)
  } catch (error) {
    bodies.used = start
    bodies.moveOn()
    if (!(error instanceof WriterFullError)) throw error
    throw new AppendTooLargeError(error.needed - start, MAX_APPEND_BYTES, false)
  }
}
