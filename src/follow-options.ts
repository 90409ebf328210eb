import { checkOptionKinds, type OptionKind } from './event/option-kinds.ts'
import { checkOptionNames } from './event/option-names.ts'
import type { OpenOptions } from './options.ts'
import { checkDurations, checkNumbers, checkOptions, checkProjections } from './options-check.ts'
import type { TransferOptions } from './repository/remote-transfer.ts'
import type { PollBounds } from './sync/replica/pace.ts'

/** How `follow` follows. Everything has a default. Times are 24 days at most, as timers have it. */
export interface FollowOptions
  extends Pick<OpenOptions, 'projections' | 'snapshot' | 'onNotice' | 'onProgress' | 'ports'> {
  readonly poll?: {
    /** How long to wait between looks at the remote while events come, in milliseconds. Default 1000. */
    readonly fastestMs?: number
    /** How long at most, while none come or the remote fails, in milliseconds. Default 30,000. */
    readonly slowestMs?: number
  }
  /** Whether a remote on this machine is watched, so that commits come at once. Default true. */
  readonly fileEvents?: boolean
  readonly limits?: {
    /** The most bytes a batch of the remote, or any other object, may have. Default 16 MiB. */
    readonly objectBytes?: number
  }
  /** How long the remote may stay silent before it counts as failed, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number
  /** Where to remember what was last checked. Default: `$XDG_STATE_HOME/memoir`, or `~/.local/state/memoir`. */
  readonly stateDirectory?: string
  /** Ends the opening, such as a long first fetch. */
  readonly signal?: AbortSignal
  /** Told how far the first fetch has come. */
  readonly onTransfer?: TransferOptions['onProgress']
}

const POLL: PollBounds = { fastestMs: 1000, slowestMs: 30_000 }
const TIMEOUT_MS = 30_000
const OBJECT_BYTES = 16 << 20

/** What was asked for, with the defaults where nothing was. */
export interface FollowSettings {
  readonly poll: PollBounds
  readonly fileEvents: boolean
  readonly objectBytes: number
  readonly timeoutMs: number
}

/** @throws UsageError for an option that is not known, or cannot be */
export function followSettings(options: FollowOptions): FollowSettings {
  checkOptionKinds('follow', options, KNOWN)
  checkProjections(options.projections)
  const { poll = {}, limits = {}, snapshot, timeoutMs = TIMEOUT_MS, fileEvents = true } = options
  checkOptionNames('follow option "poll"', poll, { fastestMs: true, slowestMs: true })
  checkOptionNames('follow option "limits"', limits, { objectBytes: true })
  checkOptions({ ...(snapshot && { snapshot }) })
  const { fastestMs = POLL.fastestMs, objectBytes = OBJECT_BYTES } = { ...poll, ...limits }
  const { slowestMs = Math.max(fastestMs, POLL.slowestMs) } = poll
  checkDurations({ 'poll.fastestMs': fastestMs, 'poll.slowestMs': slowestMs })
  checkNumbers({ 'limits.objectBytes': objectBytes })
  return { poll: { fastestMs, slowestMs }, fileEvents, objectBytes, timeoutMs }
}

const KNOWN: Readonly<Record<keyof FollowOptions, OptionKind>> = {
  projections: 'list',
  snapshot: 'object',
  onNotice: 'function',
  onProgress: 'function',
  ports: 'object',
  poll: 'object',
  fileEvents: 'truth',
  limits: 'object',
  timeoutMs: 'duration',
  stateDirectory: 'text',
  signal: 'signal',
  onTransfer: 'function',
}
