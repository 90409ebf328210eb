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
  /** When it ends, in milliseconds since 1970. */
  endMs = 0

  constructor(private readonly parts: BackoffParts) {}

  /** A failure came: the next try is not before its time. */
  begin(): void {
    this.endMs = this.parts.clock.now() + this.lengthMs()
  }

  /** Somebody came who waits for the remote. */
  shorten(): void {
    if (this.parts.isAwaited()) this.endWithin(this.lengthMs())
  }

  /** Lets it be over in so many milliseconds at the latest. */
  endWithin(ms: number): void {
    this.endMs = Math.min(this.endMs, this.parts.clock.now() + ms)
    this.parts.alarm.ring()
  }

  async wait(): Promise<void> {
    const { alarm, clock, isAwaited } = this.parts
    for (let ms = this.endMs - clock.now(); ms > 0; ms = this.endMs - clock.now()) {
      await alarm.wait(ms, isAwaited())
    }
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
