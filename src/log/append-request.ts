import type { AppendCondition } from '../event/condition.ts'
import type { Durability } from '../journal/journal.ts'
import type { PreparedAppend } from './append-check.ts'
import type { Appender } from './appender.ts'
import type { LogState } from './log-state.ts'
import type { AppendResult } from './placement.ts'
import type { Preparation } from './preparation.ts'
import { positionsOfGivenIds } from './repeated-append.ts'
import type { Sealer } from './sealer.ts'

/** An append that was checked by itself, and is to be accepted as soon as the log is ready. */
export class AppendRequest {
  constructor(
    readonly appender: Appender,
    readonly prepared: readonly PreparedAppend[],
    readonly condition: AppendCondition | undefined,
    readonly durability: Durability,
    readonly preparation: Preparation,
  ) {}
}

/** Gives an append its place. */
export function accept(request: AppendRequest): Promise<AppendResult> {
  const { appender, prepared, condition, durability, preparation } = request
  const appended = appender.append(prepared, condition, durability)
  preparation.release(prepared)
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

/** What an append became that was made before, once it is as safe as is asked for now: the first time may have asked for less. */
export async function whenSafe(
  repeated: AppendResult,
  { appender, durability }: AppendRequest,
  sealer: Sealer,
): Promise<AppendResult> {
  const isUnsafe = durability === 'durable' && repeated.position >= appender.unsafeFrom
  if (isUnsafe) await sealer.whenCommitted(repeated.position)
  return repeated
}
