import { RemoteFailedError } from '../../repository/git-process-errors.ts'
import type { Clock } from '../../system/clock.ts'
import type { Alarm } from './alarm.ts'
import type { Pace } from './pace.ts'

export interface BackoffParts {
  readonly pace: Pace
  readonly alarm: Alarm
  readonly clock: Clock
  /** A fraction from 0 to 1. */
  readonly chance: () => number
  /** Whether somebody waits for the remote's answer. */
  readonly isAwaited: () => boolean
}

/** The wait after a failure, which grows with each, and is short while somebody waits for the remote. */
export class Backoff {
  /** When it ends, by a clock that nobody sets. */
  private end = 0

  constructor(private readonly parts: BackoffParts) {}

  /** A failure came: the next try is not before its time. */
  begin(): void {
    this.end = performance.now() + this.lengthMs()
  }

  /** Somebody came who waits for the remote. */
  shorten(): void {
    if (this.parts.isAwaited()) this.endWithin(this.lengthMs())
  }

  /** Lets it be over in so many milliseconds at the latest. */
  endWithin(ms: number): void {
    this.end = Math.min(this.end, performance.now() + ms)
    this.parts.alarm.ring()
  }

  async wait(): Promise<void> {
    const { alarm, isAwaited } = this.parts
    for (let ms = this.msLeft; ms > 0; ms = this.msLeft) await alarm.wait(ms, isAwaited())
  }

  /** When it ends, in milliseconds since 1970. */
  get endMs(): number {
    return Math.round(this.parts.clock.now() + this.msLeft)
  }

  private get msLeft(): number {
    return this.end - performance.now()
  }

  private lengthMs(): number {
    const { pace, chance, isAwaited } = this.parts
    return pace.backoffMs(chance(), isAwaited())
  }
}

/** Whether a failure may pass by itself: then it is worth waiting for. */
export function mayPass(error: Error): boolean {
  return error instanceof RemoteFailedError && ['network', 'unknown', 'conflict'].includes(error.kind)
}
