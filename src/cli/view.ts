import type { Projection } from '../image/projection.ts'
import type { Log } from '../opened-log.ts'
import { abortable } from '../system/abortable.ts'
import type { Context } from './context.ts'
import { parsePoint } from './input-values.ts'
import { openForReading } from './opening.ts'

/** A log as it is, or as it was: what `read`, `streams` and `state` look at. */
export interface View extends Pick<Log, 'read' | 'streams' | 'state'>, AsyncDisposable {
  /** The last position in it. */
  readonly position: number
}

/** Opens the log as it is, or, after `memoir at`, as it was then. */
export async function openView(
  context: Context,
  projections: readonly Projection<unknown>[] = [],
): Promise<View> {
  const { at, signal } = context
  const log = await openForReading(context, { projections })
  const dispose = () => log.close()
  try {
    const { positions } = log.status()
    const source = at === undefined ? log : await abortable(log.at(parsePoint(at)), signal)
    return {
      position: 'position' in source ? source.position : positions.journal,
      read: (options) => source.read(options),
      streams: (options) => source.streams(options),
      state: (projection, options) => source.state(projection, options),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}
