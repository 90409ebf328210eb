import { asError } from '../../event/errors.ts'
import type { Notice } from '../../log/log-state.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import type { Clock } from '../../system/clock.ts'
import { type Moment, momentOf, secondsBetween } from './moment.ts'
import type { Pin } from './pin.ts'
import type { ReplicaLag } from './replica-state.ts'

export interface FreshnessOptions {
  readonly opened: OpenedLog
  /** When the replica was last seen to hold all that the remote holds, in milliseconds since 1970, if it was. */
  readonly equalMs: number | undefined
  /** Whether it does now, as one that has just been made. */
  readonly isEqual: boolean
  readonly clock: Clock
  readonly notify: (notice: Notice) => void
  /** Remembers where the replica was when it was last checked. */
  readonly pin: (pin: Pin) => Promise<void>
}

/** Up to where the remote reaches, and how many commits it has more. */
interface Behind {
  readonly position: number | undefined
  readonly commits: number | undefined
}

const UNKNOWN: Behind = { position: undefined, commits: undefined }

/** So much later the replica is seen to be equal before that is remembered, while nothing comes. */
const REMEMBERED_AFTER_MS = 60_000

/** How far a replica is behind its remote, and since when: remembered outside of it, with where it is. */
export class Freshness {
  /** What the remote holds, if that is not what is here. Not known before it was looked at. */
  private behind: Behind | undefined = UNKNOWN
  private equal: Moment | undefined
  /** When the replica was equal, as far as that is remembered outside of it. */
  private rememberedMs = 0
  private pinning: Promise<void> = Promise.resolve()

  constructor(private readonly options: FreshnessOptions) {
    const { equalMs, isEqual, clock } = options
    if (equalMs !== undefined) this.equal = { ...momentOf(clock), clockMs: equalMs }
    if (isEqual) this.becomesEqual()
  }

  get lag(): ReplicaLag {
    const { opened, clock } = this.options
    const seconds = this.equal && secondsBetween(this.equal, momentOf(clock))
    if (this.behind === undefined) return { events: 0, commits: 0, seconds }
    const { position, commits } = this.behind
    const here = opened.log.state.visible.position
    return { events: position && Math.max(0, position - here), commits, seconds }
  }

  /** The remote holds something else, as far as that is known. */
  fallsBehind(behind: Behind = UNKNOWN): void {
    this.behind = behind
  }

  /** The replica holds all that the remote holds. */
  becomesEqual(): void {
    this.behind = undefined
    this.equal = momentOf(this.options.clock)
  }

  /** Whether it was equal for long without that being remembered. */
  get isForgotten(): boolean {
    return Math.abs((this.equal?.clockMs ?? 0) - this.rememberedMs) > REMEMBERED_AFTER_MS
  }

  /** Remembers where the replica is. One write at a time takes along whatever was taken in until it starts. */
  pin(): void {
    const { opened, pin, notify } = this.options
    this.rememberedMs = this.equal?.clockMs ?? 0
    this.pinning = this.pinning
      .then(async () => {
        const { commit, position } = opened.log.state.branch
        const equalMs = this.equal?.clockMs
        await pin({ log: opened.manifest.id, path: opened.repository.path, commit, position, equalMs })
      })
      .catch((error) => notify({ kind: 'pin-failed', error: asError(error) }))
  }

  /** Resolves when nothing is being written any more. */
  settled(): Promise<void> {
    return this.pinning
  }
}
