import type { AppendCondition } from '../event/condition.ts'
import type { Durability } from '../journal/journal.ts'
import type { PreparedAppend } from './append-check.ts'
import type { Appender } from './appender.ts'
import type { AppendResult } from './placement.ts'
import type { Preparation } from './preparation.ts'

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
