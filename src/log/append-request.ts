import type { AppendCondition } from '../event/condition.ts'
import type { JsonWriter } from '../event/json-writer.ts'
import type { Durability } from '../journal/journal.ts'
import type { PreparedAppend } from './append-check.ts'
import type { Appender } from './appender.ts'
import type { LogState } from './log-state.ts'
import type { AppendResult } from './placement.ts'
import { positionsOfGivenIds } from './repeated-append.ts'

/** An append that was checked by itself, and is to be accepted as soon as the log is ready. */
export class AppendRequest {
  constructor(
    readonly appender: Appender,
    readonly prepared: readonly PreparedAppend[],
    readonly condition: AppendCondition | undefined,
    readonly durability: Durability,
    /** Where its events have their bodies. */
    readonly bodies: JsonWriter,
  ) {}
}

/** Gives an append its place. Its bodies are copied then, and nearly always what was written last. */
export function accept({
  appender,
  prepared,
  condition,
  durability,
  bodies,
}: AppendRequest): Promise<AppendResult> {
  const appended = appender.append(prepared, condition, durability)
  const last = prepared.at(-1)!.events.at(-1)!
  bodies.takeBack(last.body, prepared[0]!.events[0]!.from, last.to)
  return appended
}

/** Accepts an append, unless the same one came in meanwhile: at a position that was not looked at yet. */
export async function acceptIfNew({
  request,
  looked,
  state,
}: {
  readonly request: AppendRequest
  readonly looked: ReadonlySet<number>
  readonly state: LogState
}): Promise<AppendResult | undefined> {
  const isKnown = positionsOfGivenIds(state.index, request.prepared).some((position) => !looked.has(position))
  return isKnown ? undefined : accept(request)
}
