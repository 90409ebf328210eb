import { UsageError } from '../../event/errors.ts'
import { readBranchState } from '../../log/branch.ts'
import type { Notice } from '../../log/log-state.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { RefMovedError } from '../../repository/errors.ts'
import { RemoteFailedError } from '../../repository/git-process-errors.ts'
import { findRemoteHead } from '../../repository/remote-transfer.ts'
import { HistoryForkedError, RemoteEmptiedError, ReplicaReplacedError } from '../errors.ts'
import { admit, compare, fetchIncoming, type Ports } from './gate.ts'
import { type Moment, momentOf, secondsBetween } from './moment.ts'
import type { Outcome } from './pace.ts'
import type { Pin } from './pin.ts'
import { isRefusal } from './refusal.ts'
import { peekAtRemote } from './remote-watch.ts'
import type { ReplicaLag, ReplicaPhase, ReplicaProblem } from './replica-state.ts'
import { describeRewrite, type Rewrite, replaceHistory } from './rewrite.ts'

export interface IntakeOptions extends Ports {
  readonly opened: OpenedLog
  /** Address of the remote. */
  readonly remote: string
  /** How long the remote may stay silent, in milliseconds. */
  readonly timeoutMs: number
  /** The last commit that came from the remote and was checked. */
  readonly known: string
  /** When the replica was last seen to hold all that the remote holds, in milliseconds since 1970, if it was. */
  readonly equalMs: number | undefined
  /** Whether it does now, as one that has just been made. */
  readonly isEqual: boolean
  readonly notify: (notice: Notice) => void
  /** Told after each move of the branch. */
  readonly onMoved: () => void
  /** Remembers where the replica was when it was last checked. */
  readonly pin: (pin: Pin) => Promise<void>
}

/** What is wrong, and with which commit of the remote. */
interface Trouble {
  readonly error: Error
  readonly commit: string | undefined
}

/** So much later the replica is seen to be equal before that is remembered, while nothing comes. */
const REMEMBERED_AFTER_MS = 60_000

/** A commit may be named by so many of its first characters. */
const SHORTEST_NAME = 7

/**
 * Brings a replica to where its remote is: fetches, compares, checks, moves. One look at a time is the
 * caller's to keep.
 */
export class Intake {
  phase: ReplicaPhase = 'idle'
  private known: string
  private trouble: Trouble | undefined
  /** What was refused last: it is not fetched again until the remote is somewhere else. */
  private refused: Trouble | undefined
  /** What the remote holds, if that is not what is here. */
  private behind:
    | { readonly position: number | undefined; readonly commits: number | undefined }
    | undefined = UNKNOWN
  private answeredMs: number | undefined
  /** Whether the remote answers again, and nobody was told: that waits for the end of the look. */
  private isBack = false
  private equal: Moment | undefined
  /** When the replica was equal, as far as that is remembered outside of it. */
  private rememberedMs = 0
  private pinning: Promise<void> = Promise.resolve()

  constructor(private readonly options: IntakeOptions) {
    const { known, equalMs, isEqual } = options
    this.known = known
    if (equalMs !== undefined) this.equal = { ...this.now(), clockMs: equalMs }
    if (isEqual) this.becomesEqual()
  }

  get error(): Error | undefined {
    return this.trouble?.error
  }

  get problem(): ReplicaProblem | undefined {
    if (this.trouble === undefined) return undefined
    const { error, commit } = this.trouble
    return {
      code: 'code' in error ? String(error.code) : 'unknown',
      message: error.message,
      kind: error instanceof RemoteFailedError ? error.kind : undefined,
      commit,
    }
  }

  get lag(): ReplicaLag {
    const { opened } = this.options
    const seconds = this.equal && secondsBetween(this.equal, this.now())
    if (this.behind === undefined) return { events: 0, commits: 0, seconds }
    const { position, commits } = this.behind
    const here = opened.log.state.visible.position
    return { events: position && Math.max(0, position - here), commits, seconds }
  }

  /** When the remote last answered, in milliseconds since 1970. */
  get lastAnswerMs(): number | undefined {
    return this.answeredMs
  }

  /** Once around. Never throws: what is wrong is the problem from then on. */
  async look(signal: AbortSignal): Promise<Outcome> {
    const { log } = this.options.opened
    const before = log.state.branch.commit
    let incoming: string | undefined
    try {
      incoming = await (this.refused === undefined ? this.peek() : this.ask(signal))
      if (this.isRefused(incoming)) return this.refuseAgain()
      incoming = await this.fetch(signal)
      if (this.isRefused(incoming)) return this.refuseAgain()
      await this.take(incoming, signal)
      this.trouble = undefined
      this.refused = undefined
      return this.end('idle', log.state.branch.commit === before ? 'nothing' : 'news')
    } catch (cause) {
      if (signal.aborted) return this.end('closed', 'nothing')
      return this.fail({ error: this.explained(cause, before), commit: incoming })
    }
  }

  /** @throws RemoteFailedError, RemoteEmptiedError, and what `describeRewrite` throws */
  async describeRewrite(signal: AbortSignal): Promise<Rewrite> {
    const { phase } = this
    try {
      return await describeRewrite(this.options.opened, await this.fetch(signal), signal)
    } finally {
      this.phase = phase
    }
  }

  /** @throws UsageError when the remote is at another commit, and what `replaceHistory` throws */
  async acceptRewrite(commit: string, signal: AbortSignal): Promise<Rewrite & { readonly replaced: string }> {
    const { phase } = this
    const incoming = await this.fetch(signal).finally(() => {
      this.phase = phase
    })
    if (commit.length < SHORTEST_NAME || !incoming.startsWith(commit)) {
      throw new UsageError(`the remote is at commit ${incoming}, not at ${JSON.stringify(commit)}`, {
        hint: 'Look at what would be lost, then name the commit that the remote is at.',
      })
    }
    const { opened } = this.options
    const rewrite = await describeRewrite(opened, incoming, signal)
    const replaced = await replaceHistory(opened, incoming, this.options, signal)
    this.trouble = undefined
    this.refused = undefined
    // Also where the replica was before: what is remembered outside of it may be what is given up.
    this.taken(incoming, { hasMoved: true })
    this.end('idle', 'news')
    await this.pinning
    return { ...rewrite, replaced }
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.pinning
  }

  /** @throws RemoteFailedError, GitMissingError, RemoteEmptiedError */
  private async fetch(signal: AbortSignal): Promise<string> {
    this.phase = 'fetching'
    const { opened, remote, timeoutMs } = this.options
    const { repository, log } = opened
    const isUnchanged = this.trouble === undefined && (await this.peek()) === log.state.branch.commit
    const fetched = isUnchanged
      ? log.state.branch.commit
      : await fetchIncoming(repository, remote, this.options, { tracks: false, timeoutMs, signal })
    this.answered()
    if (fetched !== undefined) return fetched
    this.behind = UNKNOWN
    throw new RemoteEmptiedError(repository.branch, log.state.branch.commit)
  }

  private peek(): Promise<string | undefined> {
    const { opened, remote, fileSystem } = this.options
    return peekAtRemote(remote, opened.repository.branch, fileSystem)
  }

  /** Where the remote is, without fetching what is there: it was refused, and may be large. */
  private async ask(signal: AbortSignal): Promise<string | undefined> {
    this.phase = 'fetching'
    const { opened, remote, timeoutMs } = this.options
    const { repository } = opened
    const head =
      (await this.peek()) ??
      (await findRemoteHead(repository, remote, repository.branch, { timeoutMs, signal }))
    this.answered()
    return head
  }

  private answered(): void {
    this.answeredMs = this.now().clockMs
    if (this.trouble === undefined || isRefusal(this.trouble.error)) return
    this.trouble = undefined
    this.isBack = true
  }

  private tellIfBack(): void {
    if (!this.isBack) return
    this.isBack = false
    this.options.notify({ kind: 'remote-back' })
  }

  /** What the branch is at was accepted meanwhile, though it may not be shown yet. */
  private isRefused(incoming: string | undefined): boolean {
    const { branch } = this.options.opened.log.state
    return incoming !== undefined && this.refused?.commit === incoming && incoming !== branch.commit
  }

  private refuseAgain(): Outcome {
    this.trouble = this.refused
    return this.end('refusing', 'nothing')
  }

  private async take(incoming: string, signal: AbortSignal): Promise<void> {
    this.phase = 'checking'
    const { opened } = this.options
    const { log, reader } = opened
    const comparison = await compare(opened, incoming, this.known)
    const { standing, onlyThere: commits } = comparison
    const before = log.state.branch
    if (standing === 'same') {
      await log.follower.catchUp()
      return this.taken(incoming)
    }
    this.behind = { position: undefined, commits }
    // A replica makes no commits: somebody did.
    if (standing === 'ahead') throw new HistoryForkedError(before.commit, incoming)
    if (standing === 'continues') {
      const { position } = await readBranchState(incoming, reader, log.source, before)
      this.behind = { position, commits }
    }
    await admit(opened, incoming, comparison, signal)
    this.taken(incoming)
  }

  private taken(incoming: string, { hasMoved = this.known !== incoming } = {}): void {
    this.known = incoming
    const { clockMs } = this.becomesEqual()
    if (hasMoved || Math.abs(clockMs - this.rememberedMs) > REMEMBERED_AFTER_MS) this.pin()
    if (hasMoved) this.options.onMoved()
  }

  private becomesEqual(): Moment {
    this.behind = undefined
    this.equal = this.now()
    return this.equal
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
      .catch((error) => notify({ kind: 'pin-failed', error: toError(error) }))
  }

  private now(): Moment {
    return momentOf(this.options.clock)
  }

  private explained(cause: unknown, before: string): Error {
    const { path } = this.options.opened.repository
    if (!(cause instanceof RefMovedError)) return toError(cause)
    return new ReplicaReplacedError(path, before, cause.actual ?? 'no commit')
  }

  private fail(trouble: Trouble): Outcome {
    const { error } = trouble
    const isRefused = isRefusal(error)
    const commit = isRefused ? trouble.commit : undefined
    const isNew = commit !== this.trouble?.commit || error.message !== this.trouble?.error.message
    this.trouble = { error, commit }
    if (isRefused) this.refused = this.trouble
    this.tellIfBack()
    if (isNew)
      this.options.notify(
        isRefused ? { kind: 'remote-refused', commit, error } : { kind: 'remote-failed', error },
      )
    return isRefused ? this.end('refusing', 'nothing') : this.end('backing-off', 'failed')
  }

  private end(phase: ReplicaPhase, outcome: Outcome): Outcome {
    this.phase = phase
    this.tellIfBack()
    return outcome
  }
}

/** What the remote holds, before it was looked at. */
const UNKNOWN = { position: undefined, commits: undefined }

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause))
}
